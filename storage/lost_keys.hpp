#pragma once

// Which keys this node has lost, or may have: their rows could not be read, and what was left of
// them is gone.
//
// Who read such a key here would take it for empty or old; who wrote to it would not see what was
// there, and an older value could come to stand above a newer one. So nobody does until another
// node has brought what it has of them.

#include "crdt/value.hpp"
#include "storage/store.hpp"
#include "wire/result.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>

namespace starling::storage {

/// Ranges of names in the list of keys (layout.hpp).
class lost_keys {
public:
  /// What stands in first <= name < end.
  void add(std::string first, std::string end);
  void add(const crdt::key& key);

  bool contains(const crdt::key& key) const;

  /// Whether any of them stands in first <= name < end.
  bool touch(std::string_view first, std::string_view end) const;

  bool empty() const { return ranges_.empty(); }

  /// The end of each range by its beginning; no two touch.
  const std::map<std::string, std::string, std::less<>>& ranges() const { return ranges_; }

  friend bool operator==(const lost_keys&, const lost_keys&) = default;

private:
  std::map<std::string, std::string, std::less<>> ranges_;
};

/// What was noted in a store, and nothing was brought of yet.
wire::result<lost_keys, failure> read_lost_keys(const snapshot& at);

/// Notes them.
void put(batch& into, const lost_keys& lost);

/// Who may bring them back: the members that this node knew when it lost them, as the row of its
/// members had them then, with those of them that once had all that it had.
std::string rescuers_row();
std::string members_row();

/// What to commit when they are back, or given up.
wire::result<batch, failure> without_lost_keys(const snapshot& at);
wire::possible<failure> forget_lost_keys(store& rows);

} // namespace starling::storage
