/*
 * The test guest: the only process of a small virtual machine whose disks and network tell a test what a migration did
 * to it. It writes numbered records to every disk and broadcasts how far it has come. It ends only when it is asked to,
 * as by `xl shutdown`: its kernel then runs it again, as /sbin/poweroff.
 *
 * Configuration, on the kernel's command line:
 *   cp.name=NAME       in every record and report
 *   cp.ip=ADDRESS      of eth0, in a /24
 *   cp.disks=N         xvda, xvdb, ... on Xen; vda, vdb, ... on QEMU
 *   cp.slots=N         records in each disk's ring (256)
 *   cp.interval_ms=N   pause between two writes to a disk (10)
 *   cp.tick_ms=N       pause between two reports when nothing is written (20)
 */
#define _GNU_SOURCE
#include "../machine/load-modules.h"
#include "guest.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <time.h>

struct state state = {.name = "guest",
                      .address = "10.77.0.100",
                      .disk_count = 1,
                      .slots = 256,
                      .interval_ms = 10,
                      .tick_ms = 20,
                      .lock = PTHREAD_MUTEX_INITIALIZER};

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void read_file(const char *path, char *text, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? 0 : read(file, text, size - 1);
  text[length > 0 ? length : 0] = 0;
  if (file >= 0) close(file);
}

static void read_configuration(void) {
  char line[2048];
  read_file("/proc/cmdline", line, sizeof line);
  for (char *word = strtok(line, " \n"); word; word = strtok(0, " \n")) {
    char *value = strchr(word, '=');
    if (!value || strncmp(word, "cp.", 3)) continue;
    *value++ = 0;
    if (!strcmp(word, "cp.name")) strncpy(state.name, value, sizeof state.name - 1);
    if (!strcmp(word, "cp.ip")) strncpy(state.address, value, sizeof state.address - 1);
    if (!strcmp(word, "cp.disks")) state.disk_count = atoi(value);
    if (!strcmp(word, "cp.slots")) state.slots = atoi(value);
    if (!strcmp(word, "cp.interval_ms")) state.interval_ms = atoi(value);
    if (!strcmp(word, "cp.tick_ms")) state.tick_ms = atoi(value);
  }
  if (state.disk_count > DISKS_MAX) state.disk_count = DISKS_MAX;
  if (state.slots < 1) state.slots = 1;

  char boot[64];
  read_file("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
  int digits = 0;
  for (char *at = boot; *at && digits < 16; at++)
    if (*at != '-' && *at != '\n') state.boot[digits++] = *at;
}

static void start_network(void) {
  int file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "eth0"};
  struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;
  for (int tries = 0; ioctl(file, SIOCGIFFLAGS, &request) && tries < 3000; tries++) usleep(10000);
  address->sin_family = AF_INET;
  inet_aton(state.address, &address->sin_addr);
  if (ioctl(file, SIOCSIFADDR, &request)) perror("guest: address");
  inet_aton("255.255.255.0", &address->sin_addr);
  if (ioctl(file, SIOCSIFNETMASK, &request)) perror("guest: netmask");
  request.ifr_flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST;
  if (ioctl(file, SIOCSIFFLAGS, &request)) perror("guest: eth0 up");
  close(file);
}

/* Waits for the disk, for the kernel finds them in the background. */
static void find_disk(unsigned index) {
  struct disk *disk = &state.disks[index];
  static const char *const prefixes[] = {"xvd", "vd"};
  disk->number = index;
  for (;;) {
    for (int kind = 0; kind < 2; kind++) {
      snprintf(disk->name, sizeof disk->name, "%s%c", prefixes[kind], 'a' + index);
      snprintf(disk->path, sizeof disk->path, "/dev/%s", disk->name);
      if (access(disk->path, F_OK) == 0) return;
    }
    usleep(10000);
  }
}

/* A PVH guest's kernel knows no way to switch it off, but Xen takes a guest that halts for one that is. */
static int switch_off(void) {
  return reboot(RB_HALT_SYSTEM);
}

int main(int count, char **words) {
  if (count > 0 && strstr(words[0], "poweroff")) return switch_off();
  mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
  mount("proc", "/proc", "proc", 0, 0);
  int console = open("/dev/console", O_RDWR);
  for (int standard = 0; standard < 3; standard++) dup2(console, standard);
  setvbuf(stdout, 0, _IOLBF, 0);
  load_modules();
  read_configuration();
  printf("guest: %s %s, boot %s\n", state.name, state.address, state.boot);
  start_network();
  open_reports();
  for (unsigned index = 0; index < state.disk_count; index++) find_disk(index);
  for (unsigned index = 0; index < state.disk_count; index++) start_writer(&state.disks[index]);
  report_for_ever();
}
