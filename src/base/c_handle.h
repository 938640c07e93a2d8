#pragma once
// c_handle.h — owns a handle of a C library: CHandle<sqlite3, sqlite3_close_v2>. As large as the
// raw pointer.
#include <memory>

namespace rehome {

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* handle) const noexcept {
    static_cast<void>(Release(handle));
  }
};

template <class T, auto Release>
using CHandle = std::unique_ptr<T, Releaser<Release>>;

}  // namespace rehome
