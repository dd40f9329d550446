#pragma once

// How rows are named in a store that is copied to a new one: as today, or as format 1 did. The
// copy always has the names of today.

#include "storage/layout.hpp"

namespace starling::storage {

class source_layout {
public:
  virtual ~source_layout() = default;

  virtual row_range heads() const = 0;
  virtual std::optional<crdt::key> key_of_head(std::string_view name) const = 0;
  virtual row_range members_of(const crdt::key& key) const = 0;
  virtual std::optional<crdt::payload> member_of(const crdt::key& key,
                                                 std::string_view name) const = 0;

  /// Where the rows are that belong to a value which this version does not know, but for its head.
  virtual std::vector<row_range> rows_of_unknown(const crdt::key& key) const = 0;

  /// Copies such a row.
  virtual void copy_of_unknown(const crdt::key& key, std::string_view name, std::string_view row,
                               batch& into) const = 0;

  /// A range of keys that the source says are lost, as it is said today.
  virtual row_range lost(const row_range& noted) const = 0;

  /// Heads that cannot be read, as a range of the list; nothing if they stand in another order.
  virtual std::optional<row_range> listed(const row_range& heads) const = 0;
};

const source_layout& present_layout();
const source_layout& layout_of_format_1();

} // namespace starling::storage
