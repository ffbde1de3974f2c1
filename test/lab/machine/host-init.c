/*
 * First process of a lab host: loads the few drivers that the root disk needs, mounts it and hands over to systemd.
 * It stands in for Debian's initramfs, which under emulation takes seconds to build and seconds to run.
 */
#include "load-modules.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

static void fail(const char *what) {
  printf("init: %s: %s\n", what, strerror(errno));
  for (;;) sleep(1000); /* ending would be a kernel panic, which says less */
}

int main(void) {
  mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
  int console = open("/dev/console", O_RDWR);
  for (int standard = 0; standard < 3; standard++) dup2(console, standard);
  setvbuf(stdout, 0, _IONBF, 0);
  load_modules();

  /* Disks are probed in the background. */
  for (int tries = 0; access("/dev/vda", F_OK) && tries < 3000; tries++) usleep(10000);
  mkdir("/root", 0755);
  if (mount("/dev/vda", "/root", "ext4", MS_NOATIME, 0)) fail("cannot mount /dev/vda");
  if (mount("/dev", "/root/dev", 0, MS_MOVE, 0)) fail("cannot move /dev");
  if (chdir("/root") || mount(".", "/", 0, MS_MOVE, 0) || chroot(".") || chdir("/")) fail("cannot switch root");
  execl("/sbin/init", "/sbin/init", (char *)0);
  fail("cannot start /sbin/init");
}
