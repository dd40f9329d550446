#pragma once

// Finds a key among many by its hash: a table of pointers, twice as large as what is in it.
//
// A shard keeps its keys in order, to list them, and finds one for each message. Where there are
// hundreds of thousands, the way down a tree costs more than all else that the shard does.
//
// Clients choose the names, so they can choose them to share a hash. An entry that would stand far
// from its place is not in the table then, and is to be looked for elsewhere.

#include "crdt/value.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::actors {

/// `Entry` is a pair whose first is the key. Entries live elsewhere, and stay where they are.
/// `Hash` gives 64 bits for a key.
template <class Entry, class Hash>
class key_table {
public:
  /// The entry of a key, if it is in the table.
  Entry* find(const crdt::key& key) const {
    if (places_.empty())
      return nullptr;
    const auto hash = Hash{}(key);
    auto at = home(hash);
    for (std::size_t left = way_max; left > 0 && places_[at].entry != nullptr; --left) {
      if (places_[at].hash == hash && places_[at].entry->first == key)
        return places_[at].entry;
      at = next(at);
    }
    return nullptr;
  }

  /// Puts an entry into the table, if it can stand near its place. Requires: its key is not in it.
  void insert(Entry& entry) {
    if (places_.size() < 2 * (size_ + 1))
      grow();
    put({Hash{}(entry.first), &entry});
  }

  /// Takes an entry out, if it is in the table.
  void erase(const Entry& entry) {
    if (find(entry.first) == nullptr)
      return;
    auto hole = home(Hash{}(entry.first));
    while (places_[hole].entry != &entry)
      hole = next(hole);
    // Those behind it move up, if the hole is on their way from home.
    for (auto at = next(hole); places_[at].entry != nullptr; at = next(at))
      if (distance(home(places_[at].hash), at) >= distance(hole, at)) {
        places_[hole] = places_[at];
        hole = at;
      }
    places_[hole] = {};
    --size_;
  }

  /// How many entries are in the table.
  std::size_t size() const { return size_; }

  void clear() {
    places_.clear();
    size_ = 0;
  }

private:
  struct place {
    std::uint64_t hash = 0;
    Entry* entry = nullptr;
  };

  static constexpr std::size_t places_min = 64;
  static constexpr std::size_t way_max = 32; // places that are looked at

  // The number of places is a power of two.
  std::size_t home(std::uint64_t hash) const { return hash & (places_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (places_.size() - 1); }
  std::size_t distance(std::size_t from, std::size_t to) const {
    return (to - from) & (places_.size() - 1);
  }

  void put(const place& one) {
    auto at = home(one.hash);
    for (std::size_t left = way_max; left > 0; --left) {
      if (places_[at].entry == nullptr) {
        places_[at] = one;
        ++size_;
        return;
      }
      at = next(at);
    }
  }

  void grow() {
    const auto before = std::exchange(
        places_, std::vector<place>(places_.empty() ? places_min : 2 * places_.size()));
    size_ = 0;
    for (const auto& one : before)
      if (one.entry != nullptr)
        put(one);
  }

  std::vector<place> places_;
  std::size_t size_ = 0;
};

/// Of the name and the type.
struct key_hash {
  std::uint64_t operator()(const crdt::key& key) const {
    return std::hash<std::string_view>{}(key.name) * 31 + static_cast<std::uint64_t>(key.type);
  }
};

} // namespace starling::actors
