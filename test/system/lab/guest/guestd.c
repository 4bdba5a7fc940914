/*
 * guestd: the only program of a lab guest. It is PID 1, loads the virtio drivers, makes load that
 * can be changed while the guest runs, and says once per period on ttyS0 that it is alive and
 * unharmed:
 *
 *   HB name=vm1 boot=1b9d6bcd seq=42 up=4321 dirtied=10 bad=0 disk=0 diskbad=0 diskerr=0
 *
 *   boot     random per boot: tells "the same guest, moved" from "started once more"
 *   seq, up  number of this beat; milliseconds since boot on the guest's own clock
 *   dirtied  MiB of memory written so far;   bad      pages found lost, zeroed, torn or stale
 *   disk     KiB written to the disk so far; diskbad  blocks read back wrong
 *   diskerr  failed requests to the disk
 *
 * The host stamps each line on arrival, so a hole in the arrivals is a time in which the guest did
 * not run. Once, before the first of them, it says what its firmware tells of the machine, as Linux
 * shows it to root (/sys/class/dmi/id/product_uuid; "" where it shows none):
 *
 *   ID name=vm1 uuid=4c4c4544-0042-3510-8058-b7c04f4a3132
 *
 * Settings come from the kernel command line (lab.NAME=VALUE) and, while running, as lines "NAME
 * VALUE" on ttyS1, each answered by "ok NAME VALUE" or "error ...":
 *
 *   hb     heartbeat period, ms              dirty  memory written, MiB/s
 *   ws     working set being written, MiB    burn   CPU burnt, percent of one vCPU (200 = two)
 *   disk   disk writes, KiB/s                "poweroff" switches the guest off
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
  PAGE = 4096,
  PAGES_PER_MIB = 256,
  WORDS_PER_PAGE = PAGE / 8,
  DISK_BLOCK = 64 * 1024,
  DISK_BLOCKS = 512,        /* 32 MiB are written round and round */
  DIRTY_TICK_US = 20000,    /* few wake-ups: an emulated CPU pays dearly for each */
  BURN_CYCLE_US = 50000,
  IDLE_US = 100000,
  BURNERS_MAX = 8,
};

static atomic_long heartbeat_ms = 100, dirty_mibps = 0, working_set_mib = 16;
static atomic_long burn_percent = 0, disk_kibps = 0;
static atomic_ulong pages_dirtied, pages_bad, disk_kib, disk_bad, disk_errors;
static char guest_name[64] = "vm", boot_id[9] = "00000000";

static const struct setting {
  const char *name;
  atomic_long *value;
  long min, max;
} settings[] = {
  { "hb", &heartbeat_ms, 1, 60000 },     { "dirty", &dirty_mibps, 0, 100000 },
  { "ws", &working_set_mib, 0, 65536 },  { "burn", &burn_percent, 0, 100 * BURNERS_MAX },
  { "disk", &disk_kibps, 0, 1000000 },
};

/* ---- time and settings ---- */

static int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void sleep_us(long us) {
  struct timespec t = { us / 1000000, (us % 1000000) * 1000 };
  nanosleep(&t, NULL);
}

static int set_number(const char *name, const char *text) {
  char *end;
  long number = strtol(text, &end, 10);
  if (*text == 0 || *end != 0) return -1;
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    const struct setting *s = &settings[i];
    if (strcmp(s->name, name) != 0) continue;
    if (number < s->min || number > s->max) return -1;
    atomic_store(s->value, number);
    return 0;
  }
  return -1;
}

/* ---- memory: each page has its number and generation at its head and at its tail ---- */

struct stamp { uint64_t magic, page, generation; };
static const uint64_t MAGIC = 0x64726f7665723031ULL;

struct working_set { uint8_t *base; uint64_t pages, next, round; long mib; };

static struct stamp *head_of(const struct working_set *w, uint64_t page) {
  return (struct stamp *)(w->base + page * PAGE);
}

static struct stamp *tail_of(const struct working_set *w, uint64_t page) {
  return (struct stamp *)(w->base + (page + 1) * PAGE - sizeof(struct stamp));
}

static uint64_t next_random(uint64_t *state) { /* xorshift64 */
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* Random bytes: QEMU must neither send the pages as zero pages nor compress them away. */
static void fill_random(void *at, size_t words, uint64_t seed) {
  uint64_t state = seed | 1, *word = at;
  for (size_t i = 0; i < words; i++) word[i] = next_random(&state);
}

static void resize_working_set(struct working_set *w, long mib) {
  if (w->base) munmap(w->base, w->pages * PAGE);
  *w = (struct working_set){ .mib = mib };
  uint64_t pages = (uint64_t)mib * PAGES_PER_MIB;
  if (!pages) return;
  int kind = MAP_PRIVATE | MAP_ANONYMOUS;
  void *base = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, kind, -1, 0);
  if (base == MAP_FAILED) return;
  w->base = base;
  w->pages = pages;
  fill_random(base, pages * WORDS_PER_PAGE, (uint64_t)now_us());
  for (uint64_t i = 0; i < pages; i++)
    *head_of(w, i) = *tail_of(w, i) = (struct stamp){ MAGIC, i, 0 };
}

static int stamp_is(const struct stamp *s, uint64_t page, uint64_t generation) {
  return s->magic == MAGIC && s->page == page && s->generation == generation;
}

static void dirty_next_page(struct working_set *w) {
  uint64_t page = w->next;
  struct stamp *head = head_of(w, page), *tail = tail_of(w, page);
  if (!stamp_is(head, page, w->round) || !stamp_is(tail, page, w->round))
    atomic_fetch_add(&pages_bad, 1);
  *head = *tail = (struct stamp){ MAGIC, page, w->round + 1 };
  ((uint64_t *)head)[WORDS_PER_PAGE / 2] ^= (w->round + 1) * 0x9e3779b97f4a7c15ULL;
  atomic_fetch_add(&pages_dirtied, 1);
  if (++w->next == w->pages) {
    w->next = 0;
    w->round++;
  }
}

static void *memory_worker(void *unused) {
  struct working_set w = { 0 };
  double due = 0;
  int64_t last = now_us();
  (void)unused;
  for (;;) {
    if (atomic_load(&working_set_mib) != w.mib) {
      resize_working_set(&w, atomic_load(&working_set_mib));
      last = now_us();
    }
    int64_t now = now_us();
    double seconds = (double)(now - last) / 1e6;
    last = now;
    if (seconds > 0.25) seconds = 0.25; /* no catching up after a pause: the rate stays a rate */
    due = w.pages ? due + seconds * (double)atomic_load(&dirty_mibps) * PAGES_PER_MIB : 0;
    for (; due >= 1; due -= 1) dirty_next_page(&w);
    sleep_us(atomic_load(&dirty_mibps) > 0 ? DIRTY_TICK_US : IDLE_US);
  }
  return NULL;
}

/* ---- CPU: burner n takes the part of burn_percent between 100 n and 100 (n + 1) ---- */

static void *burner(void *number) {
  for (;;) {
    long percent = atomic_load(&burn_percent) - 100 * (long)(intptr_t)number;
    if (percent > 100) percent = 100;
    if (percent <= 0) {
      sleep_us(IDLE_US);
      continue;
    }
    int64_t end = now_us() + percent * BURN_CYCLE_US / 100;
    while (now_us() < end)
      for (volatile int i = 0; i < 5000; i++) { }
    if (percent < 100) sleep_us((100 - percent) * BURN_CYCLE_US / 100);
  }
  return NULL;
}

/* ---- disk: stamped blocks, read back before they are written again ---- */

static uint64_t disk_block[DISK_BLOCK / 8] __attribute__((aligned(PAGE)));

static void check_block(int fd, uint64_t block, uint64_t round) {
  const struct stamp *s = (const struct stamp *)disk_block;
  if (pread(fd, disk_block, DISK_BLOCK, (off_t)(block * DISK_BLOCK)) != DISK_BLOCK)
    atomic_fetch_add(&disk_errors, 1);
  else if (!stamp_is(s, block, round))
    atomic_fetch_add(&disk_bad, 1);
}

static void write_block(int fd, uint64_t block, uint64_t generation) {
  off_t at = (off_t)(block * DISK_BLOCK);
  fill_random(disk_block, DISK_BLOCK / 8, block * 7919 + generation);
  *(struct stamp *)disk_block = (struct stamp){ MAGIC, block, generation };
  if (pwrite(fd, disk_block, DISK_BLOCK, at) != DISK_BLOCK || fdatasync(fd))
    atomic_fetch_add(&disk_errors, 1);
  else
    atomic_fetch_add(&disk_kib, DISK_BLOCK / 1024);
}

static void *disk_worker(void *unused) {
  int fd = -1;
  (void)unused;
  for (uint64_t n = 0;;) {
    long rate = atomic_load(&disk_kibps);
    if (rate > 0 && fd < 0) {
      /* O_DIRECT: past the guest's cache, to see what is really on the disk */
      fd = open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);
      if (fd < 0) atomic_fetch_add(&disk_errors, 1);
    }
    if (rate <= 0 || fd < 0) {
      sleep_us(IDLE_US);
      continue;
    }
    if (n >= DISK_BLOCKS) check_block(fd, n % DISK_BLOCKS, n / DISK_BLOCKS);
    write_block(fd, n % DISK_BLOCKS, n / DISK_BLOCKS + 1);
    n++;
    sleep_us(DISK_BLOCK / 1024 * 1000000L / rate);
  }
  return NULL;
}

/* ---- serial lines ---- */

static void make_raw(int fd, int by_line) {
  struct termios t;
  if (tcgetattr(fd, &t)) return;
  cfmakeraw(&t);
  if (by_line) t.c_lflag |= ICANON;
  tcsetattr(fd, TCSANOW, &t);
}

static void obey(int fd, char *line) {
  char name[32], value[32];
  if (!strcmp(line, "poweroff")) {
    sync();
    reboot(RB_POWER_OFF);
  }
  if (sscanf(line, "%31s %31s", name, value) == 2 && !set_number(name, value))
    dprintf(fd, "ok %s %s\n", name, value);
  else
    dprintf(fd, "error cannot do: %s\n", line);
}

static void *control(void *unused) {
  int fd = open("/dev/ttyS1", O_RDWR | O_NOCTTY | O_CLOEXEC);
  char line[128];
  ssize_t length;
  (void)unused;
  if (fd < 0) return NULL;
  make_raw(fd, 1);
  for (;;) {
    length = read(fd, line, sizeof line - 1);
    if (length <= 0) sleep_us(IDLE_US); /* nobody is connected */
    else {
      line[length] = 0;
      line[strcspn(line, "\r\n")] = 0;
      if (*line) obey(fd, line);
    }
  }
}

static void beat_forever(int out) {
  int64_t next = now_us();
  for (unsigned long seq = 0;; seq++) {
    dprintf(out,
      "HB name=%s boot=%s seq=%lu up=%lld dirtied=%lu bad=%lu disk=%lu diskbad=%lu diskerr=%lu\n",
      guest_name, boot_id, seq, (long long)(now_us() / 1000),
      atomic_load(&pages_dirtied) / PAGES_PER_MIB, atomic_load(&pages_bad),
      atomic_load(&disk_kib), atomic_load(&disk_bad), atomic_load(&disk_errors));
    while (waitpid(-1, NULL, WNOHANG) > 0) { }
    next += atomic_load(&heartbeat_ms) * 1000;
    if (next < now_us()) next = now_us(); /* late: no burst of beats to make up for it */
    struct timespec at = { next / 1000000, (next % 1000000) * 1000 };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
  }
}

/* ---- start ---- */

static size_t read_file(const char *path, char *to, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? 0 : read(fd, to, size - 1);
  if (fd >= 0) close(fd);
  to[length > 0 ? length : 0] = 0;
  return length > 0 ? (size_t)length : 0;
}

static void mount_all(void) {
  mkdir("/proc", 0755);
  mkdir("/dev", 0755);
  mkdir("/sys", 0755);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  mount("sys", "/sys", "sysfs", 0, NULL);
}

static void read_settings(void) {
  static char line[4096];
  read_file("/proc/cmdline", line, sizeof line);
  for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
    char *value = strchr(word, '=');
    if (strncmp(word, "lab.", 4) != 0 || !value) continue;
    *value++ = 0;
    if (!strcmp(word, "lab.name")) snprintf(guest_name, sizeof guest_name, "%s", value);
    else if (set_number(word + 4, value)) dprintf(1, "guestd: cannot use %s=%s\n", word, value);
  }
  read_file("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id);
}

static void say_machine(int out) {
  char uuid[64];
  read_file("/sys/class/dmi/id/product_uuid", uuid, sizeof uuid);
  uuid[strcspn(uuid, "\n")] = 0;
  dprintf(out, "ID name=%s uuid=%s\n", guest_name, uuid);
}

static void load_modules(void) { /* /mod/order lists them, each after what it needs */
  static char order[4096];
  char path[256];
  read_file("/mod/order", order, sizeof order);
  for (char *name = strtok(order, "\n"); name; name = strtok(NULL, "\n")) {
    snprintf(path, sizeof path, "/mod/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
      dprintf(1, "guestd: module %s: %s\n", name, strerror(errno));
    if (fd >= 0) close(fd);
  }
}

static void start(void *(*body)(void *), intptr_t argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, (void *)argument)) dprintf(1, "guestd: no thread\n");
}

int main(void) {
  mount_all();
  read_settings();
  load_modules();
  int out = open("/dev/ttyS0", O_WRONLY | O_NOCTTY | O_CLOEXEC);
  make_raw(out, 0);
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  for (long i = 0; i < cpus && i < BURNERS_MAX; i++) start(burner, i);
  start(memory_worker, 0);
  start(disk_worker, 0);
  start(control, 0);
  say_machine(out);
  beat_forever(out);
}
