/* What the parts of the test guest share: init.c starts everything, writer.c writes records, report.c tells of them. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#define DISKS_MAX 8

struct disk {
  char name[8];
  char path[16];
  unsigned number;
  /* Behind the lock of `state`: */
  uint64_t acknowledged; /* highest sequence number whose write and flush have returned */
  uint64_t issued;       /* highest sequence number whose write may have begun */
  uint64_t errors;       /* failed or wrong reads, failed writes and flushes */
  uint64_t slowest_us;   /* of all writes so far, flush included */
  uint64_t last_us;      /* of the newest acknowledged write, flush included */
};

struct state {
  /* From the kernel's command line: */
  char name[32];
  char address[16];
  unsigned disk_count;
  unsigned slots;
  unsigned interval_ms; /* pause between two writes to a disk */
  unsigned tick_ms;

  char boot[17];
  struct disk disks[DISKS_MAX];
  pthread_mutex_t lock;
};

extern struct state state;

uint64_t now_ns(void);
void start_writer(struct disk *disk);
/* Before the first writer starts. */
void open_reports(void);
/* Broadcasts the state as it is now. Any thread may call it. */
void send_report(void);
/* Ticks for ever. */
void report_for_ever(void);
