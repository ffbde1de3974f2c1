/*
 * A guest of one sector, for hosts on which a kernel would take minutes to boot: it writes numbered records to the disk
 * that it was started from, one at a time, and tells each on the serial port before ("I") and after ("A") the write, or
 * that the write failed ("E"). See boot-writer.ts, which reads the records back.
 */
.code16
.globl _start
.set BUFFER, 0x8000
.set SERIAL, 0x3f8
_start:
  xor %ax, %ax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %ss
  mov $_start, %sp
  cld
  sti
  mov %dl, drive
next:
  incl sequence
  mov $BUFFER, %di
  mov $64, %cx
  mov sequence, %eax
fill:                       /* 64 times the number and its complement: one sector */
  stosl
  notl %eax
  stosl
  notl %eax
  loop fill
  andl $255, %eax           /* a ring of 256 sectors from sector 64 on */
  addl $64, %eax
  mov %eax, packet + 8
  mov $'I', %al
  call tell
  mov $0x4300, %ax
  mov drive, %dl
  mov $packet, %si
  int $0x13
  mov $'A', %al
  jnc told
  mov $'E', %al
told:
  call tell
  hlt                       /* until the next tick of the clock: 18 a second */
  hlt
  jmp next

tell:                       /* AL, then the number as eight hexadecimal digits, then a line feed */
  call send
  mov sequence, %ebx
  mov $8, %cx
digit:
  rol $4, %ebx
  mov %bl, %al
  and $15, %al
  cmp $10, %al
  sbb $0x69, %al
  das
  call send
  loop digit
  mov $'\n', %al
send:
  mov %al, %ah
  mov $SERIAL + 5, %dx
full:
  in %dx, %al
  test $0x20, %al
  jz full
  mov $SERIAL, %dx
  mov %ah, %al
  out %al, %dx
  ret

sequence: .long 0
drive: .byte 0
.balign 4
packet:                     /* of INT 13h, AH=43h: one sector from BUFFER */
  .byte 16, 0
  .word 1, BUFFER, 0
  .quad 64
.org 510
  .word 0xaa55
