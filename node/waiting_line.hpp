#pragma once

// What clients have asked of each key and waits for an answer: so many bytes of it and no more.
//
// A request is counted until its key has answered, however long the client waits. So whoever asks
// again after a time-out cannot make a line that grows without end.

#include "crdt/value.hpp"

#include <cstddef>
#include <map>

namespace starling::node {

class waiting_line {
public:
  /// So many bytes for each key.
  explicit waiting_line(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Whether there is room; then the request waits until it leaves. Where nothing waits there is
  /// always room.
  bool enter(const crdt::key& key, std::size_t bytes);

  /// Requires: so many bytes entered, and none of them has left.
  void leave(const crdt::key& key, std::size_t bytes);

  /// How many keys something waits for.
  std::size_t keys() const { return bytes_.size(); }

private:
  std::size_t bytes_max_;
  std::map<crdt::key, std::size_t> bytes_; // that wait
};

} // namespace starling::node
