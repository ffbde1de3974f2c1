/*
 * What the test guest writes to its disks, see also record.ts which reads it back. A disk has a ring of slots from
 * REGION_OFFSET on; the record with sequence number n is in slot n % slots. Numbers are little-endian.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#define REGION_OFFSET (1024 * 1024)
#define RECORD_BYTES 4096
#define RECORD_MAGIC "CPRECRD1"

struct record {
  char magic[8];
  uint32_t disk;
  uint32_t slots;
  uint64_t sequence;
  uint64_t written_ns; /* CLOCK_MONOTONIC of the guest */
  char boot[16];       /* hexadecimal digits, new with each boot */
  char guest[32];      /* padded with zeroes */
  uint64_t payload[501];
  uint32_t unused;
  uint32_t checksum; /* CRC-32 of everything before it */
};

_Static_assert(sizeof(struct record) == RECORD_BYTES, "a record is one block");

/* The payload follows from the sequence number, so that no two records look alike in any sector. */
static inline void fill_payload(struct record *record) {
  uint64_t state = record->sequence * 0x9e3779b97f4a7c15ull + record->disk + 1;
  for (unsigned word = 0; word < sizeof record->payload / sizeof record->payload[0]; word++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    record->payload[word] = state;
  }
}

static inline uint32_t record_checksum(const struct record *record) {
  static uint32_t table[256];
  if (!table[255]) {
    for (uint32_t byte = 0; byte < 256; byte++) {
      uint32_t value = byte;
      for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0xedb88320u : value >> 1;
      table[byte] = value;
    }
  }
  const uint8_t *bytes = (const uint8_t *)record;
  uint32_t sum = ~0u;
  for (unsigned index = 0; index < RECORD_BYTES - sizeof record->checksum; index++)
    sum = table[(sum ^ bytes[index]) & 0xff] ^ sum >> 8;
  return ~sum;
}

static inline int record_is_whole(const struct record *record) {
  return memcmp(record->magic, RECORD_MAGIC, sizeof record->magic) == 0 &&
         record->checksum == record_checksum(record);
}
