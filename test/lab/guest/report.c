/* Tells the world, by UDP broadcast, how far the writers have come, and counts what the kernel says of I/O errors. */
#define _GNU_SOURCE
#include "guest.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPORT_PORT 7777

static int network = -1;
static struct sockaddr_in everybody;
static uint64_t tick;
static uint64_t kernel_errors;

/* With the lock held. JSON, so that a capture of the network can be read without our tools. */
static int format_report(char *text, size_t size) {
  int length = snprintf(
      text, size, "{\"guest\":\"%s\",\"boot\":\"%s\",\"tick\":%llu,\"nowNs\":%llu,\"kernelErrors\":%llu,\"disks\":[",
      state.name, state.boot, (unsigned long long)tick, (unsigned long long)now_ns(), (unsigned long long)kernel_errors);
  for (unsigned index = 0; index < state.disk_count; index++) {
    struct disk *disk = &state.disks[index];
    length += snprintf(text + length, size - length,
                       "%s{\"disk\":\"%s\",\"number\":%u,\"slots\":%u,\"acknowledged\":%llu,\"issued\":%llu,"
                       "\"errors\":%llu,\"slowestWriteUs\":%llu,\"lastWriteUs\":%llu}",
                       index ? "," : "", disk->name, disk->number, state.slots, (unsigned long long)disk->acknowledged,
                       (unsigned long long)disk->issued, (unsigned long long)disk->errors,
                       (unsigned long long)disk->slowest_us, (unsigned long long)disk->last_us);
  }
  return length + snprintf(text + length, size - length, "]}\n");
}

static void send_to(const struct sockaddr_in *whom) {
  char text[1400];
  pthread_mutex_lock(&state.lock);
  tick++;
  int length = format_report(text, sizeof text);
  /* Never waits and never fails: a network that is away must not stop the writers. */
  sendto(network, text, length, MSG_DONTWAIT, (const struct sockaddr *)whom, sizeof *whom);
  pthread_mutex_unlock(&state.lock);
}

void send_report(void) {
  if (network >= 0) send_to(&everybody);
}

void open_reports(void) {
  int socket_file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int yes = 1;
  setsockopt(socket_file, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(REPORT_PORT)};
  if (bind(socket_file, (struct sockaddr *)&own, sizeof own)) perror("guest: bind");
  everybody = own;
  inet_aton(state.address, &everybody.sin_addr);
  everybody.sin_addr.s_addr |= htonl(0xff);
  network = socket_file;
}

/* Each read of /dev/kmsg gives one message. */
static void count_kernel_errors(int messages) {
  char line[1024];
  ssize_t length;
  while ((length = read(messages, line, sizeof line - 1)) > 0) {
    line[length] = 0;
    if (strstr(line, "I/O error")) {
      pthread_mutex_lock(&state.lock);
      kernel_errors++;
      pthread_mutex_unlock(&state.lock);
    }
  }
}

static void answer_requests(void) {
  char request[64];
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  ssize_t length;
  while ((length = recvfrom(network, request, sizeof request, MSG_DONTWAIT, (struct sockaddr *)&from, &size)) >= 0) {
    if (length >= 6 && memcmp(request, "status", 6) == 0) send_to(&from);
    size = sizeof from;
  }
}

void report_for_ever(void) {
  int messages = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  uint64_t next_ns = now_ns();
  for (;;) {
    struct pollfd request = {.fd = network, .events = POLLIN};
    int64_t wait_ns = (int64_t)(next_ns - now_ns());
    if (wait_ns > 0 && poll(&request, 1, wait_ns / 1000000 + 1) > 0) answer_requests();
    if (now_ns() < next_ns) continue;
    count_kernel_errors(messages);
    send_report();
    next_ns = now_ns() + state.tick_ms * 1000000ull;
  }
}
