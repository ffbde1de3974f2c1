/*
 * Shared by the two small programs of the lab that run as the first process of a Linux kernel: host-init.c (start
 * of a host) and ../guest/init.c (the test guest). The list /modules holds one path per line, each after those it
 * depends on; the lab writes it from the kernel's own modules.dep.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void load_modules(void) {
  char path[256];
  FILE *list = fopen("/modules", "r");
  if (!list) {
    printf("init: no /modules\n");
    return;
  }
  while (fgets(path, sizeof path, list)) {
    path[strcspn(path, "\n")] = 0;
    int module = open(path, O_RDONLY | O_CLOEXEC);
    if (module < 0) {
      printf("init: cannot open %s: %s\n", path, strerror(errno));
      continue;
    }
    /* ENODEV is normal: one list serves Xen and QEMU guests, and a driver may refuse to load on the other. */
    if (syscall(SYS_finit_module, module, "", 0) && errno != EEXIST && errno != ENODEV)
      printf("init: cannot load %s: %s\n", path, strerror(errno));
    close(module);
  }
  fclose(list);
}
