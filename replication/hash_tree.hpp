#pragma once

// The digests of all keys of a node (or of all members of a value), such that any range of them can
// be summed at once: what two nodes compare to find where they differ.
//
// An entry is a name and its digest, at a position: a keyed hash of the name, 64 bits. A range is
// all positions that share their first bits; its sum is the sum of the digests in it. The tree is a
// binary trie over the positions, as the hash trees of Dynamo and Riak are, but with sums in place
// of hashes of hashes: so an update costs one addition for each level, O(log n), nothing is ever
// recomputed, and of two halves one sum gives the other.
//
// Always: equal contents make equal trees, whatever was set and erased before. A node of the trie
// holds up to 32 entries itself, or else has two halves. It takes about 45 bytes for each entry
// beside its name. No two entries share a name; two may share a position.

#include "replication/digest.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::replication {

/// All positions whose first `depth` bits are `prefix`. 0 <= depth <= 64, prefix < 2^depth.
struct range {
  unsigned depth = 0;
  std::uint64_t prefix = 0;
  friend bool operator==(const range&, const range&) = default;
};

class hash_tree {
public:
  struct entry {
    std::uint64_t position;
    replication::digest digest;
    std::string name;
    friend bool operator==(const entry&, const entry&) = default;
  };

  struct summary {
    digest sum;
    std::size_t count = 0;
    friend bool operator==(const summary&, const summary&) = default;
  };

  static constexpr unsigned depth_max = 64; // bits of a position

  hash_tree();

  /// Sets the digest of a name. Zero, the digest of a value at its bottom, erases it. Requires: a
  /// name always comes with the same position.
  void set(std::uint64_t position, std::string_view name, const digest& d);
  void erase(std::uint64_t position, std::string_view name) { set(position, name, {}); }

  /// The digest of a name; zero if it is not here.
  digest find(std::uint64_t position, std::string_view name) const;

  /// The sum of all digests.
  digest root() const { return root_->all.sum; }
  std::size_t size() const { return root_->all.count; }

  /// Of the entries in a range. O(log n).
  summary of(const range& r) const;

  /// Shows the entries in a range, by position and then by name.
  void visit(const range& r, const std::function<void(const entry&)>& see) const;

private:
  /// An entry as it is kept; its name is among those of its node.
  struct slot {
    std::uint64_t position;
    replication::digest digest;
    std::uint32_t name_begin;
    std::uint32_t name_size;
  };

  struct node {
    summary all;
    std::array<std::unique_ptr<node>, 2> halves; // both or neither
    std::vector<slot> slots;                     // in order; of a node without halves
    std::vector<char> names;                     // one after the other, in any order
  };

  static constexpr std::size_t slots_max = 32; // of a node without halves, but at the last depth

  static std::string_view name_of(const node& n, const slot& s);
  static std::size_t place_of(const node& n, std::uint64_t position, std::string_view name);
  static bool has(const node& n, std::size_t place, std::uint64_t position, std::string_view name);
  static void insert(node& n, std::uint64_t position, std::string_view name, const digest& d);
  static void erase(node& n, std::size_t place);
  static void split(node& n, unsigned depth);
  static void gather(const node& from, node& into);
  static void visit_all(const node& n, const std::function<void(const entry&)>& see);
  const node& nearest(const range& r) const;

  std::unique_ptr<node> root_;
};

} // namespace starling::replication
