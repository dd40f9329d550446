#pragma once

// Which keys a client wants to see, and how a list of them comes about in parts. Keys are in order
// of their type, then of their names' bytes.

#include "crdt/value.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace starling::crdt {

/// The first `limit` keys of one type or of all, whose names begin with `prefix`; if `after` is
/// given, of the keys after it. The key `after` need not exist.
struct key_query {
  std::optional<crdt::type> type;
  std::string prefix;
  std::optional<key> after;
  std::size_t limit = 0;
  friend bool operator==(const key_query&, const key_query&) = default;
};

/// The keys of one type from `first` on whose names begin with `prefix`: neighbours, in order.
struct key_range {
  key first;
  std::string prefix;

  /// Whether a key is here. Requires: it is not before `first`.
  bool contains(const key& k) const;

  friend bool operator==(const key_range&, const key_range&) = default;
};

/// Where the keys are that a query asks for, in order.
std::vector<key_range> ranges_of(const key_query& q);

struct key_page {
  std::vector<key> keys;
  bool more = false; // there are keys after these
  friend bool operator==(const key_page&, const key_page&) = default;
};

/// The first `limit` of the keys that some have found, each of them more than `limit` or all it
/// has. No key is there twice.
key_page merged(const std::vector<std::vector<key>>& found, std::size_t limit);

} // namespace starling::crdt
