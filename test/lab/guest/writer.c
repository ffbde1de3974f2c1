/* Writes numbered records to a disk, one at a time, each flushed before it counts as acknowledged. */
#define _GNU_SOURCE
#include "guest.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK_EVERY 8

static off_t slot_offset(uint64_t sequence) {
  return REGION_OFFSET + (off_t)(sequence % state.slots) * RECORD_BYTES;
}

static void count_error(struct disk *disk, const char *what) {
  printf("guest: %s: %s failed: %s\n", disk->name, what, strerror(errno));
  pthread_mutex_lock(&state.lock);
  disk->errors++;
  pthread_mutex_unlock(&state.lock);
  usleep(100000); /* a disk that fails at once should not fill the log */
}

/* A guest that starts again goes on behind the newest record that the disk holds. */
static uint64_t find_highest(struct disk *disk, int file, struct record *record) {
  uint64_t highest = 0;
  for (unsigned slot = 0; slot < state.slots; slot++) {
    while (pread(file, record, RECORD_BYTES, slot_offset(slot)) != RECORD_BYTES) count_error(disk, "read");
    if (record_is_whole(record) && record->disk == disk->number && record->sequence > highest)
      highest = record->sequence;
  }
  return highest;
}

static int write_record(struct disk *disk, int file, struct record *record, uint64_t sequence) {
  memset(record, 0, sizeof *record);
  memcpy(record->magic, RECORD_MAGIC, sizeof record->magic);
  record->disk = disk->number;
  record->slots = state.slots;
  record->sequence = sequence;
  record->written_ns = now_ns();
  memcpy(record->boot, state.boot, sizeof record->boot);
  memcpy(record->guest, state.name, sizeof record->guest);
  fill_payload(record);
  record->checksum = record_checksum(record);
  if (pwrite(file, record, RECORD_BYTES, slot_offset(sequence)) != RECORD_BYTES) {
    count_error(disk, "write");
    return 0;
  }
  if (fdatasync(file)) {
    count_error(disk, "flush");
    return 0;
  }
  return 1;
}

/* Reads back what was acknowledged last: a disk that was swapped for a stale one would be noticed by the guest itself. */
static void check_last(struct disk *disk, int file, struct record *record, uint64_t sequence) {
  errno = 0;
  if (pread(file, record, RECORD_BYTES, slot_offset(sequence)) != RECORD_BYTES)
    count_error(disk, "read");
  else if (!record_is_whole(record) || record->sequence != sequence)
    count_error(disk, "reading back");
}

static void *write_for_ever(void *argument) {
  struct disk *disk = argument;
  struct record *record;
  if (posix_memalign((void **)&record, RECORD_BYTES, RECORD_BYTES)) abort();
  int file;
  while ((file = open(disk->path, O_RDWR | O_DIRECT | O_CLOEXEC)) < 0) count_error(disk, "open");
  uint64_t sequence = find_highest(disk, file, record);
  pthread_mutex_lock(&state.lock);
  disk->acknowledged = disk->issued = sequence;
  pthread_mutex_unlock(&state.lock);
  printf("guest: %s: goes on after record %llu\n", disk->name, (unsigned long long)sequence);

  for (;;) {
    sequence++;
    pthread_mutex_lock(&state.lock);
    disk->issued = sequence;
    pthread_mutex_unlock(&state.lock);
    /* Told before it is begun, so nothing on the disk is newer than what the outside has heard of. */
    send_report();
    uint64_t begin_ns = now_ns();
    while (!write_record(disk, file, record, sequence)) continue;
    uint64_t took_us = (now_ns() - begin_ns) / 1000;
    pthread_mutex_lock(&state.lock);
    disk->acknowledged = sequence;
    disk->last_us = took_us;
    if (took_us > disk->slowest_us) disk->slowest_us = took_us;
    pthread_mutex_unlock(&state.lock);
    if (sequence % CHECK_EVERY == 0) check_last(disk, file, record, sequence);
    if (state.interval_ms) usleep(state.interval_ms * 1000);
  }
  return 0;
}

void start_writer(struct disk *disk) {
  pthread_t thread;
  if (pthread_create(&thread, 0, write_for_ever, disk)) abort();
  pthread_detach(thread);
}
