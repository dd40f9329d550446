#pragma once

// What clients have asked of each key and waits for an answer: so many bytes of it and no more.
//
// A request is counted until its key has answered, however long the client waits. So whoever asks
// again after a time-out cannot make a line that grows without end.
//
// Each request goes through here, so keys are told apart by a hash of their names only. Two of one
// hash would share their room, which only tells when that is used up.

#include "crdt/value.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace starling::node {

class waiting_line {
public:
  /// Of a request that waits.
  struct place {
    std::uint64_t key; // its hash
    std::size_t bytes;
  };

  /// So many bytes for each key.
  explicit waiting_line(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// The place of a request, which waits until it leaves; nothing if there is no room. Where
  /// nothing waits there is always room.
  std::optional<place> enter(const crdt::key& key, std::size_t bytes);

  /// Requires: it has entered, and has not left.
  void leave(const place& p);

  /// How many keys something waits for.
  std::size_t keys() const { return bytes_.size(); }

private:
  std::size_t bytes_max_;
  std::unordered_map<std::uint64_t, std::size_t> bytes_; // that wait
};

} // namespace starling::node
