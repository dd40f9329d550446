#pragma once

// What others sent and is being joined: of each sender one message at a time, and together no more
// than so many bytes.
//
// A sender that gets no answer in time sends the same again. If joining takes longer than the
// sender waits, every copy would be joined once more, and the copies would pile up faster than they
// are joined. So a message that comes while an earlier one of its sender is being joined is not
// taken.

#include "replication/session.hpp"

#include <cstddef>
#include <map>

namespace starling::replication {

class arrivals {
public:
  explicit arrivals(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Whether a message of that size may be joined now. One that is larger than all may be is joined
  /// alone.
  bool may_begin(session_id from, std::size_t bytes) const {
    return !is_joining(from) && (sizes_.empty() || bytes + bytes_ <= bytes_max_);
  }

  /// Whether a message of that sender is being joined.
  bool is_joining(session_id from) const { return sizes_.contains(from); }

  /// Requires: it may.
  void begin(session_id from, std::size_t bytes);

  /// It is joined, or will not be. Nothing happens if none of that sender is being joined.
  void end(session_id from);

  std::size_t bytes() const { return bytes_; }

private:
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::map<session_id, std::size_t> sizes_; // of what is being joined
};

} // namespace starling::replication
