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
#include <vector>

namespace starling::node {

class waiting_line {
public:
  /// Of a request that waits.
  struct place {
    std::uint64_t key = 0; // its hash
    std::size_t bytes = 0;
  };

  /// So many bytes for each key.
  explicit waiting_line(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// The place of a request, which waits until it leaves; nothing if there is no room. Where
  /// nothing waits there is always room.
  std::optional<place> enter(const crdt::key& key, std::size_t bytes);

  /// Requires: it has entered, and has not left.
  void leave(const place& p);

  /// How many keys something waits for.
  std::size_t keys() const { return size_; }

private:
  static constexpr std::size_t keys_min = 64;

  // The number of places is a power of two.
  std::size_t home(std::uint64_t hash) const { return hash & (keys_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (keys_.size() - 1); }

  std::size_t find(std::uint64_t hash) const;
  void close_up(std::size_t hole);
  void grow();

  std::size_t bytes_max_;

  // A table of the bytes that wait for each key, at most half full: each key stands at its home or
  // behind it, with none that is empty between. A request costs no memory of its own.
  std::vector<place> keys_;
  std::size_t size_ = 0;
};

} // namespace starling::node
