#include "tests/backends/highway/heap.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONVROOF_HEAP_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CONVROOF_HEAP_SANITIZER 1
#endif
#endif

namespace {

// Plain atomics without construction or destruction: malloc is called before main and after it.
constinit std::atomic<bool> is_watching = false;
constinit std::atomic<std::int64_t> taken = 0;

void note() {
  if (is_watching.load(std::memory_order_relaxed)) taken.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

#if defined(CONVROOF_HEAP_SANITIZER)

// The sanitizer has replaced the whole family itself and calls these for each block. From sanitizer/allocator_interface.h, which not every compiler installs.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*, std::size_t), void (*free_hook)(const volatile void*));

bool convroof::highway::HeapWatch::can_count() {
  static const bool installed = __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t) { note(); }, [](const volatile void*) {}) != 0;
  return installed;
}

#elif defined(__GLIBC__)

// Names in the program come before those of libc.so, for every library of the process ("Replacing malloc" in glibc's manual, which asks for just these).
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t size) noexcept { return note(), __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) noexcept { return note(), __libc_calloc(count, size); }
void* realloc(void* old, std::size_t size) noexcept { return note(), __libc_realloc(old, size); }
void* memalign(std::size_t alignment, std::size_t size) noexcept { return note(), __libc_memalign(alignment, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept { return note(), __libc_memalign(alignment, size); }
int posix_memalign(void** result, std::size_t alignment, std::size_t size) noexcept {
  note();
  if (alignment % sizeof(void*) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  void* memory = __libc_memalign(alignment, size);
  if (memory == nullptr) return ENOMEM;
  *result = memory;
  return 0;
}
void* valloc(std::size_t size) noexcept { return note(), __libc_memalign(4096, size); }
void free(void* memory) noexcept { __libc_free(memory); }
}

// Of the C++ runtime as well, so that a runtime whose operator new is not made of malloc is seen. Those for arrays, aligned or not throwing call these.
void* operator new(std::size_t size) {
  if (void* memory = malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  if (void* memory = memalign(static_cast<std::size_t>(alignment), size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { free(memory); }
void operator delete(void* memory, std::size_t) noexcept { free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { free(memory); }

bool convroof::highway::HeapWatch::can_count() { return true; }

#else

bool convroof::highway::HeapWatch::can_count() { return false; }

#endif

namespace convroof::highway {

HeapWatch::HeapWatch() {
  taken = 0;
  is_watching = true;
}

HeapWatch::~HeapWatch() { is_watching = false; }

std::int64_t HeapWatch::allocations() const { return taken; }

}  // namespace convroof::highway
