/*
 * A disk that forgets what was not synced, for the time of a test: preloaded into a program, it passes every call
 * through, and keeps beside the files of POWER_CUT_FOLDER a shadow of each that holds what a disk would hold after a
 * power cut at this moment. The test kills the program and puts the shadow in the place of the folder.
 *
 * - Data comes into the shadow with fsync or fdatasync of its file, a name (made, moved or removed) with fsync of the
 *   folder: POSIX promises no more. sync_file_range promises nothing; O_SYNC, syncfs and sync are not known here.
 * - POWER_CUT_WRITEBACK, a percentage: so many blocks go to the shadow as soon as they are written, as systems write
 *   what they like when they like. Drawn from POWER_CUT_SEED.
 * - Files whose name ends with "-shm" are left out: they do not outlive their processes. Folders in the folder, too.
 * - Files are known by what they are (device, inode, time of birth), not by descriptors: nothing depends on how a
 *   descriptor was made. What a mapping writes would be missed, and what a program writes without the C library, as
 *   Bun's node:fs does, but not its SQLite. The first is counted; after an orderly end the test compares every byte.
 *
 * POWER_CUT_SHADOW holds: names/, the folder as it would be; content/, what has no name yet; counters, numbers for the
 * test, which survive SIGKILL as the shadow does.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK ((off_t)4096)
#define FILES_MAX 1024

_Static_assert(sizeof(off_t) == 8, "offsets are of 64 bits");

/* In the order in which the test reads them. */
struct counters {
  uint64_t writes;
  uint64_t bytes_written;
  uint64_t syncs;
  uint64_t bytes_synced;
  uint64_t folder_syncs;
  uint64_t truncations;
  uint64_t blocks_written_back;
  uint64_t mappings;
};

struct identity {
  uint32_t device_major, device_minor;
  uint64_t inode;
  int64_t born_s;
  uint32_t born_ns;
};

struct file {
  struct identity identity;
  int shadow;
  /* On the real file. Never closed: closing any descriptor of a file drops the locks that the process has on it. */
  int reader;
  /* The shortest that the file was since its last sync; -1: it was not cut. */
  off_t cut_at;
  /* A byte for each block; those that are set lie in [first, end). */
  unsigned char *dirty;
  size_t blocks, first, end;
};

static char folder[PATH_MAX], shadow[PATH_MAX];
static size_t folder_length;
static struct counters *counters;
static struct file files[FILES_MAX];
static int file_count;
static unsigned writeback_percent;
static uint64_t random_state;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A layer that cannot do its work must not be taken for a disk. */
static void fail(const char *what, const char *name) {
  char text[PATH_MAX + 200];
  int length = snprintf(text, sizeof text, "power cut layer: cannot %s \"%s\": %s\n", what, name, strerror(errno));
  syscall(SYS_write, 2, text, (size_t)length);
  abort();
}

/* Past our own functions. */
static int raw_open(const char *path, int flags) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static void set_up(void) {
  const char *at = getenv("POWER_CUT_FOLDER"), *beside = getenv("POWER_CUT_SHADOW");
  if (at == NULL || beside == NULL) return;
  const char *percent = getenv("POWER_CUT_WRITEBACK"), *seed = getenv("POWER_CUT_SEED");
  writeback_percent = percent == NULL ? 0 : (unsigned)atoi(percent);
  random_state = (seed == NULL ? 1 : strtoull(seed, NULL, 10)) * 2 + 1;
  snprintf(shadow, sizeof shadow, "%s", beside);
  char path[PATH_MAX + 16];
  snprintf(path, sizeof path, "%s/counters", shadow);
  int fd = raw_open(path, O_RDWR | O_CREAT);
  if (fd < 0 || syscall(SYS_ftruncate, fd, (off_t)sizeof *counters) != 0) fail("open", path);
  counters = (void *)syscall(SYS_mmap, 0, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (counters == MAP_FAILED) fail("map", path);
  /* With this the layer is on. */
  folder_length = (size_t)snprintf(folder, sizeof folder, "%s", at);
}

static int is_on(void) {
  pthread_once(&once, set_up);
  return folder_length > 0;
}

static unsigned random_percent(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (unsigned)((random_state >> 11) % 100);
}

static int has_no_shadow(const char *name) {
  size_t length = strlen(name);
  return length >= 4 && strcmp(name + length - 4, "-shm") == 0;
}

static struct identity identity_of(const struct statx *status) {
  struct identity identity;
  memset(&identity, 0, sizeof identity);
  identity.device_major = status->stx_dev_major;
  identity.device_minor = status->stx_dev_minor;
  identity.inode = status->stx_ino;
  if (status->stx_mask & STATX_BTIME) {
    identity.born_s = status->stx_btime.tv_sec;
    identity.born_ns = status->stx_btime.tv_nsec;
  }
  return identity;
}

static struct file *find(const struct identity *identity) {
  for (int i = 0; i < file_count; i++) {
    if (memcmp(&files[i].identity, identity, sizeof *identity) == 0) return &files[i];
  }
  return NULL;
}

static off_t size_of(int fd, const char *name) {
  struct stat status;
  if (fstat(fd, &status) != 0) fail("measure", name);
  return status.st_size;
}

static void mark(struct file *file, off_t offset, off_t length) {
  if (length <= 0) return;
  size_t first = (size_t)(offset / BLOCK), end = (size_t)((offset + length - 1) / BLOCK) + 1;
  if (end > file->blocks) {
    size_t blocks = end * 2;
    file->dirty = realloc(file->dirty, blocks);
    if (file->dirty == NULL) fail("find memory for", "dirty blocks");
    memset(file->dirty + file->blocks, 0, blocks - file->blocks);
    file->blocks = blocks;
  }
  memset(file->dirty + first, 1, end - first);
  if (file->first == file->end) {
    file->first = first;
    file->end = end;
  } else {
    if (first < file->first) file->first = first;
    if (end > file->end) file->end = end;
  }
}

/* The shadow that the name had when this process began, unless it belongs to a file that had the name before. */
static int open_shadow(const char *name) {
  static unsigned number;
  char path[PATH_MAX + NAME_MAX + 32];
  snprintf(path, sizeof path, "%s/names/%s", shadow, name);
  struct stat there, taken;
  int is_taken = 0;
  if (stat(path, &there) == 0) {
    for (int i = 0; i < file_count; i++) {
      if (fstat(files[i].shadow, &taken) == 0 && taken.st_ino == there.st_ino) is_taken = 1;
    }
    if (!is_taken) {
      int fd = raw_open(path, O_RDWR);
      if (fd < 0) fail("open", path);
      return fd;
    }
  }
  snprintf(path, sizeof path, "%s/content/%d-%u", shadow, (int)getpid(), number++);
  int fd = raw_open(path, O_RDWR | O_CREAT | O_EXCL);
  if (fd < 0) fail("make", path);
  return fd;
}

/* What an earlier process wrote and did not sync is synced with the rest: all of it is dirty. */
static struct file *add(const struct identity *identity, int reader, const char *name) {
  if (file_count == FILES_MAX) fail("track one more file,", name);
  int fd = open_shadow(name);
  struct file *file = &files[file_count++];
  memset(file, 0, sizeof *file);
  file->identity = *identity;
  file->reader = reader;
  file->shadow = fd;
  file->cut_at = -1;
  mark(file, 0, size_of(reader, name));
  return file;
}

/* The last part of a path in the folder, or NULL. */
static const char *name_in_folder(const char *path) {
  if (strncmp(path, folder, folder_length) != 0 || path[folder_length] != '/') return NULL;
  const char *name = path + folder_length + 1;
  return strchr(name, '/') == NULL && !has_no_shadow(name) ? name : NULL;
}

static int path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return 1;
}

/* The file in the folder that a descriptor is of, or NULL. With the mutex. */
static struct file *file_of(int fd) {
  struct statx status;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &status) != 0) return NULL;
  if (!S_ISREG(status.stx_mode)) return NULL;
  struct identity identity = identity_of(&status);
  struct file *file = find(&identity);
  if (file != NULL) return file;
  char path[PATH_MAX], link[64];
  /* Without a name nobody finds it again. */
  if (status.stx_nlink == 0 || !path_of(fd, path)) return NULL;
  const char *name = name_in_folder(path);
  if (name == NULL) return NULL;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int reader = raw_open(link, O_RDONLY);
  if (reader < 0) fail("read", path);
  return add(&identity, reader, name);
}

/* What the file holds there now goes into its shadow. */
static void copy(struct file *file, off_t offset, off_t end) {
  static char buffer[64 * 4096];
  while (offset < end) {
    size_t wanted = (size_t)(end - offset) < sizeof buffer ? (size_t)(end - offset) : sizeof buffer;
    ssize_t length = syscall(SYS_pread64, file->reader, buffer, wanted, offset);
    if (length < 0) fail("read", "a file");
    /* Cut meanwhile. */
    if (length == 0) return;
    if (syscall(SYS_pwrite64, file->shadow, buffer, (size_t)length, offset) != length) fail("write", "a shadow");
    offset += length;
  }
}

static void set_shadow_length(struct file *file, off_t length) {
  if (syscall(SYS_ftruncate, file->shadow, length) != 0) fail("cut", "a shadow");
}

static void sync_content(struct file *file) {
  off_t length = size_of(file->reader, "a file");
  if (file->cut_at >= 0 && file->cut_at < size_of(file->shadow, "a shadow")) {
    set_shadow_length(file, file->cut_at);
  }
  file->cut_at = -1;
  for (size_t i = file->first; i < file->end;) {
    size_t first = i;
    while (i < file->end && file->dirty[i]) file->dirty[i++] = 0;
    if (i == first) {
      i++;
      continue;
    }
    off_t end = (off_t)i * BLOCK < length ? (off_t)i * BLOCK : length;
    copy(file, (off_t)first * BLOCK, end);
    if (end > (off_t)first * BLOCK) counters->bytes_synced += (uint64_t)(end - (off_t)first * BLOCK);
  }
  file->first = file->end = 0;
  set_shadow_length(file, length);
  counters->syncs++;
}

static void link_name(struct file *file, const char *name) {
  char from[64], between[PATH_MAX + 16], to[PATH_MAX + NAME_MAX + 16];
  struct stat ours, there;
  snprintf(to, sizeof to, "%s/names/%s", shadow, name);
  if (fstat(file->shadow, &ours) != 0) fail("measure", name);
  if (stat(to, &there) == 0 && there.st_ino == ours.st_ino) return;
  snprintf(from, sizeof from, "/proc/self/fd/%d", file->shadow);
  snprintf(between, sizeof between, "%s/link", shadow);
  if (linkat(AT_FDCWD, from, AT_FDCWD, between, AT_SYMLINK_FOLLOW) != 0) fail("link", name);
  if (syscall(SYS_renameat2, AT_FDCWD, between, AT_FDCWD, to, 0) != 0) fail("name", name);
}

static DIR *list(const char *path) {
  DIR *entries = opendir(path);
  if (entries == NULL) fail("list", path);
  return entries;
}

/* The shadow gets the names that the folder has now. */
static void sync_names(void) {
  char path[PATH_MAX + NAME_MAX + 16];
  DIR *entries = list(folder);
  for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
    struct statx status;
    if (has_no_shadow(entry->d_name)) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    /* It may go meanwhile. */
    if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_BTIME, &status) != 0) continue;
    if (!S_ISREG(status.stx_mode)) continue;
    struct identity identity = identity_of(&status);
    struct file *file = find(&identity);
    if (file == NULL) {
      int reader = raw_open(path, O_RDONLY);
      if (reader < 0) fail("read", path);
      file = add(&identity, reader, entry->d_name);
    }
    link_name(file, entry->d_name);
  }
  closedir(entries);
  snprintf(path, sizeof path, "%s/names", shadow);
  entries = list(path);
  for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (access(path, F_OK) == 0) continue;
    snprintf(path, sizeof path, "%s/names/%s", shadow, entry->d_name);
    if (syscall(SYS_unlinkat, AT_FDCWD, path, 0) != 0) fail("remove", path);
  }
  closedir(entries);
  counters->folder_syncs++;
}

static void note_sync(int fd) {
  if (!is_on()) return;
  int before = errno;
  char path[PATH_MAX];
  pthread_mutex_lock(&mutex);
  struct file *file = file_of(fd);
  if (file != NULL) sync_content(file);
  else if (path_of(fd, path) && strcmp(path, folder) == 0) sync_names();
  pthread_mutex_unlock(&mutex);
  errno = before;
}

static void write_back(struct file *file, off_t offset, off_t end) {
  /* Blocks behind a cut that is not synced would come to lie in the old content. */
  if (writeback_percent == 0 || file->cut_at >= 0) return;
  for (off_t at = offset / BLOCK * BLOCK; at < end; at += BLOCK) {
    if (random_percent() >= writeback_percent) continue;
    copy(file, at, at + BLOCK);
    counters->blocks_written_back++;
  }
}

/* offset -1: where the descriptor was. */
static void note_write(int fd, off_t offset, ssize_t length) {
  if (length <= 0 || !is_on()) return;
  int before = errno;
  pthread_mutex_lock(&mutex);
  struct file *file = file_of(fd);
  if (file != NULL) {
    if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - length;
    mark(file, offset, length);
    write_back(file, offset, offset + length);
    counters->writes++;
    counters->bytes_written += (uint64_t)length;
  }
  pthread_mutex_unlock(&mutex);
  errno = before;
}

static void note_cut(int fd, off_t length) {
  if (!is_on()) return;
  int before = errno;
  pthread_mutex_lock(&mutex);
  struct file *file = file_of(fd);
  if (file != NULL) {
    int is_shorter = length < size_of(file->shadow, "a shadow");
    if (is_shorter && (file->cut_at < 0 || length < file->cut_at)) file->cut_at = length;
    counters->truncations++;
  }
  pthread_mutex_unlock(&mutex);
  errno = before;
}

static void note_mapping(int fd, int protection, int flags) {
  if (fd < 0 || !(protection & PROT_WRITE) || (flags & MAP_TYPE) == MAP_PRIVATE || !is_on()) return;
  int before = errno;
  pthread_mutex_lock(&mutex);
  if (file_of(fd) != NULL) counters->mappings++;
  pthread_mutex_unlock(&mutex);
  errno = before;
}

/* From here on: what is put in the place of the C library's functions. */

#define REAL(name) \
  static __typeof__(&name) real; \
  if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define WRITE(name, offset, parameters, arguments) \
  ssize_t name parameters { \
    REAL(name); \
    ssize_t written = real arguments; \
    note_write(fd, offset, written); \
    return written; \
  }

WRITE(write, -1, (int fd, const void *bytes, size_t length), (fd, bytes, length))
WRITE(writev, -1, (int fd, const struct iovec *parts, int count), (fd, parts, count))
WRITE(pwrite, at, (int fd, const void *bytes, size_t length, off_t at), (fd, bytes, length, at))
WRITE(pwrite64, at, (int fd, const void *bytes, size_t length, off64_t at), (fd, bytes, length, at))
WRITE(pwritev, at, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at))
WRITE(pwritev64, at, (int fd, const struct iovec *parts, int count, off64_t at), (fd, parts, count, at))

/* Before the real one: what is written meanwhile has no claim to be synced by it. */
#define SYNC(name) \
  int name(int fd) { \
    REAL(name); \
    note_sync(fd); \
    return real(fd); \
  }

SYNC(fsync)
SYNC(fdatasync)

#define CUT(name, type) \
  int name(int fd, type length) { \
    REAL(name); \
    int result = real(fd, length); \
    if (result == 0) note_cut(fd, length); \
    return result; \
  }

CUT(ftruncate, off_t)
CUT(ftruncate64, off64_t)

static void note_cut_path(const char *path, off_t length) {
  if (!is_on()) return;
  int before = errno;
  /* A descriptor that is not closed, see `reader`; such calls are rare. */
  int fd = raw_open(path, O_RDONLY);
  if (fd >= 0) note_cut(fd, length);
  errno = before;
}

#define CUT_PATH(name, type) \
  int name(const char *path, type length) { \
    REAL(name); \
    int result = real(path, length); \
    if (result == 0) note_cut_path(path, length); \
    return result; \
  }

CUT_PATH(truncate, off_t)
CUT_PATH(truncate64, off64_t)

/* What becomes longer only does so in the shadow with the next sync; what is punched or zeroed counts as written. */
#define ALLOCATE(name, type) \
  int name(int fd, int mode, type offset, type length) { \
    REAL(name); \
    int result = real(fd, mode, offset, length); \
    if (result == 0 && mode != 0) note_write(fd, offset, length); \
    return result; \
  }

ALLOCATE(fallocate, off_t)
ALLOCATE(fallocate64, off64_t)

#define MAP(name, type) \
  void *name(void *at, size_t length, int protection, int flags, int fd, type offset) { \
    REAL(name); \
    void *result = real(at, length, protection, flags, fd, offset); \
    if (result != MAP_FAILED && fd >= 0) note_mapping(fd, protection, flags); \
    return result; \
  }

MAP(mmap, off_t)
MAP(mmap64, off64_t)

static int opened(int fd, int flags) {
  if (fd >= 0 && (flags & O_TRUNC)) note_cut(fd, 0);
  return fd;
}

/* The mode is there with O_CREAT and O_TMPFILE only; else none is read. */
#define MODE(mode, last) \
  va_list rest; \
  va_start(rest, last); \
  mode_t mode = (last & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
  va_end(rest)

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    MODE(mode, flags); \
    return opened(real(path, flags, mode), flags); \
  }

#define OPEN_AT(name) \
  int name(int base, const char *path, int flags, ...) { \
    REAL(name); \
    MODE(mode, flags); \
    return opened(real(base, path, flags, mode), flags); \
  }

#define CREATE(name) \
  int name(const char *path, mode_t mode) { \
    REAL(name); \
    return opened(real(path, mode), O_TRUNC); \
  }

OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)
CREATE(creat)
CREATE(creat64)
