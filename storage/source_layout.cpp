#include "storage/source_layout.hpp"

#include "storage/event_index.hpp"
#include "storage/first_layout.hpp"

namespace starling::storage {

namespace {

class present : public source_layout {
public:
  row_range heads() const override { return all_heads(); }
  std::optional<crdt::key> key_of_head(std::string_view name) const override {
    return storage::key_of_head(name);
  }
  row_range members_of(const crdt::key& key) const override { return members_between(key); }
  std::optional<crdt::payload> member_of(const crdt::key& key,
                                         std::string_view name) const override {
    return storage::member_of(key, name);
  }
  std::vector<row_range> rows_of_unknown(const crdt::key& key) const override {
    return {members_between(key), index_of(key)};
  }
  void copy_of_unknown(const crdt::key&, std::string_view name, std::string_view row,
                       batch& into) const override {
    into.put(name, row);
  }
  row_range lost(const row_range& noted) const override { return noted; }
  std::optional<row_range> listed(const row_range&) const override { return std::nullopt; }
};

class of_format_1 : public source_layout {
public:
  row_range heads() const override { return first_layout::all_heads(); }
  std::optional<crdt::key> key_of_head(std::string_view name) const override {
    return first_layout::key_of_head(name);
  }
  row_range members_of(const crdt::key& key) const override {
    return first_layout::members_between(key);
  }
  std::optional<crdt::payload> member_of(const crdt::key& key,
                                         std::string_view name) const override {
    return first_layout::member_of(key, name);
  }

  /// Only sets had rows of their own.
  std::vector<row_range> rows_of_unknown(const crdt::key& key) const override {
    if (key.type != crdt::type::set)
      return {};
    return {first_layout::members_between(key), first_layout::entries_of(key)};
  }
  void copy_of_unknown(const crdt::key& key, std::string_view name, std::string_view row,
                       batch& into) const override {
    if (const auto member = first_layout::member_of(key, name))
      into.put(member_name(key, *member), row);
    if (const auto entry = first_layout::read_entry(key, name)) {
      wire::writer said;
      put_held(said, entry->event.number, entry->member);
      into.append(index_name(key, entry->event), said.view());
    }
  }
  row_range lost(const row_range& noted) const override { return first_layout::listed(noted); }
  std::optional<row_range> listed(const row_range& heads) const override {
    return first_layout::listed(heads);
  }
};

} // namespace

const source_layout& present_layout() {
  static const present layout;
  return layout;
}

const source_layout& layout_of_format_1() {
  static const of_format_1 layout;
  return layout;
}

} // namespace starling::storage
