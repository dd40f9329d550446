#include "storage/tally_rows.hpp"

#include "wire/bytes.hpp"
#include "wire/fields.hpp"

#include <utility>

namespace starling::storage {

namespace {

std::string own_row() {
  return node_row("changes");
}

std::string all_rows() {
  return node_row("tally ");
}

std::string row_of(const crdt::replica_id& replica) {
  wire::writer out;
  crdt::encode(out, replica);
  return all_rows() + std::move(out).take();
}

std::string encode(std::uint64_t changes) {
  wire::writer out;
  out.varint(changes);
  return std::move(out).take();
}

failure makes_no_sense() {
  return {trouble::corrupted, "a count of changes makes no sense"};
}

} // namespace

found<std::uint64_t> read_own_changes(const snapshot& at) {
  auto row = at.find(own_row());
  if (!row)
    return std::move(row).error();
  const auto& bytes = *row;
  if (!bytes)
    return std::uint64_t{0};
  wire::reader in{*bytes};
  const auto result = in.varint();
  wire::expect_end_or_fields(in);
  if (!in.ok())
    return makes_no_sense();
  return result;
}

void put_own_changes(batch& into, std::uint64_t changes) {
  into.put(own_row(), encode(changes));
}

found<std::vector<replication::tally>> read_tallies(const snapshot& at) {
  std::vector<replication::tally> result;
  bool is_sound = true;
  const auto first = all_rows();
  auto failed =
      at.scan(first, after_all_of(first), [&](std::string_view name, std::string_view value) {
        wire::reader in{name.substr(first.size())};
        wire::reader count{value};
        result.push_back({crdt::decode_replica_id(in), count.varint()});
        in.expect_end();
        wire::expect_end_or_fields(count);
        is_sound = in.ok() && count.ok();
        return is_sound;
      });
  if (failed)
    return std::move(*failed);
  if (!is_sound)
    return makes_no_sense();
  return result;
}

void put_tally(batch& into, const replication::tally& told) {
  into.put(row_of(told.replica), encode(told.changes));
}

void erase_tally(batch& into, const crdt::replica_id& replica) {
  into.erase(row_of(replica));
}

} // namespace starling::storage
