#pragma once

// Values, rows and lists of keys, as a store has them at one moment.
//
// Whatever does not look like what was written is a failure, `corrupted`, and nothing is made of
// it. A value in a format of a later version is no damage: it is a failure, `unknown`, for those
// who ask for it.

#include "crdt/key_query.hpp"
#include "crdt/view.hpp"
#include "storage/held_value.hpp"
#include "storage/layout.hpp"
#include "storage/store.hpp"
#include "wire/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace starling::storage {

template <class T>
using found = wire::result<T, failure>;

/// The value of a key, nothing if there is none. Of one that has rows and a larger footprint than
/// `whole_bytes`, no row is here yet; any other value is whole, and checked against its digest.
found<std::optional<held_value>> read_value(const snapshot& at, const crdt::key& key,
                                            std::uint64_t whole_bytes,
                                            const replication::digester& digests);

/// The same, whole and not checked against its digest.
found<std::optional<crdt::value>> read_unchecked(const snapshot& at, const crdt::key& key);

/// Rows of a value: those of some members, as far as they have any.
struct some_rows {
  std::vector<crdt::payload> asked; // in ascending order
  crdt::any_rows rows;
};

/// Requires: the type has rows.
found<some_rows> read_rows(const snapshot& at, const crdt::key& key, const wanted_rows& wanted);

/// A page of the members of a value; nothing if there is no such value. Requires: the type has
/// rows.
found<std::optional<crdt::view>> read_page(const snapshot& at, const crdt::key& key,
                                           const crdt::member_page& wanted);

/// The keys that a query asks for; nothing if one that was lost may belong among them.
found<std::optional<std::vector<crdt::key>>> list_keys(const snapshot& at,
                                                       const crdt::key_query& q);

/// Keys and the digests of their values, in the order of their heads; none on the last page.
struct digests_page {
  std::vector<std::pair<crdt::key, replication::digest>> keys;
  std::uint64_t unknown = 0; // keys in front of these of unknown types or formats; each once
  friend bool operator==(const digests_page&, const digests_page&) = default;
};

/// Those after a key, up to a number of them.
found<digests_page> read_digests(const snapshot& at, const std::optional<crdt::key>& after,
                                 std::size_t limit);

} // namespace starling::storage
