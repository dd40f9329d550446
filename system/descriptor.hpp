#pragma once

// A file descriptor that is closed with its owner.

#include <unistd.h>
#include <utility>

namespace starling::system {

class descriptor {
public:
  explicit descriptor(int number = -1) : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor() {
    if (number_ >= 0)
      ::close(number_);
  }

  int number() const { return number_; }

private:
  int number_;
};

} // namespace starling::system
