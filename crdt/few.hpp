#pragma once

// A list that mostly has one element, which then takes no memory of its own. Where there are
// millions of such lists, that is half of what they cost to make and to keep.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <utility>

namespace starling::crdt {

/// As a vector of T, as far as it goes.
template <class T>
class few {
public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  few() = default;
  few(std::initializer_list<T> all) { assign(all.begin(), all.end()); }
  few(const few& other) { assign(other.begin(), other.end()); }
  few(few&& other) noexcept
      : one_(other.one_), more_(std::move(other.more_)), size_(std::exchange(other.size_, 0)),
        room_(std::exchange(other.room_, 1)) {}
  few& operator=(few other) noexcept {
    std::swap(one_, other.one_);
    std::swap(more_, other.more_);
    std::swap(size_, other.size_);
    std::swap(room_, other.room_);
    return *this;
  }
  ~few() = default;

  iterator begin() { return more_ ? more_.get() : &one_; }
  iterator end() { return begin() + size_; }
  const_iterator begin() const { return more_ ? more_.get() : &one_; }
  const_iterator end() const { return begin() + size_; }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& front() { return *begin(); }
  T& back() { return *(end() - 1); }
  const T& front() const { return *begin(); }
  const T& back() const { return *(end() - 1); }
  const T& operator[](std::size_t at) const { return begin()[at]; }

  void push_back(const T& x) { insert(end(), x); }

  iterator insert(const_iterator place, const T& x) {
    const auto at = place - begin();
    const auto added = x; // it may be one of these
    if (size_ == room_)
      grow(2 * room_);
    std::copy_backward(begin() + at, end(), end() + 1);
    ++size_;
    begin()[at] = added;
    return begin() + at;
  }

  iterator erase(const_iterator place) {
    const auto at = begin() + (place - begin());
    std::copy(at + 1, end(), at);
    --size_;
    return at;
  }

  friend bool operator==(const few& a, const few& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

private:
  void assign(const_iterator first, const_iterator last) {
    const auto size = static_cast<std::uint32_t>(last - first);
    if (size > room_)
      grow(size);
    std::copy(first, last, begin());
    size_ = size;
  }

  void grow(std::uint32_t room) {
    auto larger = std::make_unique<T[]>(room);
    std::copy(begin(), end(), larger.get());
    more_ = std::move(larger);
    room_ = room;
  }

  T one_{};
  std::unique_ptr<T[]> more_; // all of them, once there were several
  std::uint32_t size_ = 0;
  std::uint32_t room_ = 1;
};

} // namespace starling::crdt
