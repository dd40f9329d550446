#pragma once

// A queue that costs 32 bytes while it is empty and was never used: there are two in each key that
// is awake, and nearly all of them are empty.

#include <cstddef>
#include <utility>
#include <vector>

namespace starling::keyspace {

template <class T>
class fifo {
public:
  bool empty() const { return head_ == items_.size(); }
  std::size_t size() const { return items_.size() - head_; }

  void push(T item) { items_.push_back(std::move(item)); }

  // Requires: not empty.

  T& front() { return items_[head_]; }
  const T& front() const { return items_[head_]; }
  const T& back() const { return items_.back(); }

  T pop() {
    T result = std::move(items_[head_++]);
    if (empty())
      release();
    else if (head_ * 2 > items_.size())
      close_up();
    return result;
  }

private:
  // The room of so many items is kept for the next ones.
  static constexpr std::size_t kept_max = 4;

  void release() {
    items_.clear();
    head_ = 0;
    if (items_.capacity() > kept_max)
      std::vector<T>{}.swap(items_);
  }

  /// Half of the items are gone by now, so this costs each item one move.
  void close_up() {
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }

  std::vector<T> items_;
  std::size_t head_ = 0; // the items before it are gone
};

} // namespace starling::keyspace
