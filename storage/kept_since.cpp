#include "storage/kept_since.hpp"

#include "storage/layout.hpp"
#include "wire/bytes.hpp"
#include "wire/fields.hpp"
#include "wire/result.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace starling::storage {

namespace {

std::string kept_since_row() {
  return node_row("kept-since");
}

std::string former_ids_row() {
  return node_row("former-ids");
}

std::optional<replication::session_id> decode(std::string_view bytes) {
  wire::reader in{bytes};
  const replication::session_id result{in.varint()};
  wire::expect_end_or_fields(in);
  return in.ok() ? std::optional{result} : std::nullopt;
}

} // namespace

wire::result<replication::session_id, failure> adopt_kept_since(store& rows,
                                                                replication::session_id present) {
  auto row = rows.now()->find(kept_since_row());
  if (!row)
    return std::move(row).error();
  const auto& bytes = *row;
  if (const auto known = bytes ? decode(*bytes) : std::nullopt)
    return *known;
  batch fresh;
  put_kept_since(fresh, present);
  if (auto failed = rows.commit({fresh}, true))
    return std::move(*failed);
  return present;
}

void forget_kept_since(batch& into) {
  into.erase(kept_since_row());
  into.erase(former_ids_row());
}

void put_kept_since(batch& into, replication::session_id first) {
  wire::writer out;
  out.varint(first.value);
  into.put(kept_since_row(), out.view());
  into.erase(former_ids_row());
}

found<std::vector<replication::tally>> read_former_ids(const snapshot& at) {
  auto row = at.find(former_ids_row());
  if (!row)
    return std::move(row).error();
  std::vector<replication::tally> result;
  const auto& bytes = *row;
  if (!bytes)
    return result;
  wire::reader in{*bytes};
  constexpr std::size_t bytes_min = 16 + 1;
  for (auto left = in.count(bytes_min); left > 0 && in.ok(); --left) {
    auto& one = result.emplace_back();
    one.replica = crdt::decode_replica_id(in);
    one.changes = in.varint();
  }
  wire::expect_end_or_fields(in);
  if (!in.ok())
    return failure{trouble::corrupted, "the row of former replica ids makes no sense"};
  return result;
}

void put_former_ids(batch& into, const std::vector<replication::tally>& ids) {
  const auto number = std::min(ids.size(), former_ids_max);
  wire::writer out;
  out.varint(number);
  for (auto at = ids.end() - static_cast<std::ptrdiff_t>(number); at != ids.end(); ++at) {
    crdt::encode(out, at->replica);
    out.varint(at->changes);
  }
  into.put(former_ids_row(), out.view());
}

} // namespace starling::storage
