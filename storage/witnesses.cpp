#include "storage/witnesses.hpp"

#include "storage/layout.hpp"
#include "wire/bytes.hpp"
#include "wire/fields.hpp"

#include <string>
#include <utility>

namespace starling::storage {

namespace {

std::string witnesses_row() {
  return node_row("witnesses");
}

} // namespace

found<std::vector<replication::session_id>> read_witnesses(const snapshot& at) {
  auto row = at.find(witnesses_row());
  if (!row)
    return std::move(row).error();
  std::vector<replication::session_id> result;
  const auto& bytes = *row;
  if (!bytes)
    return result;
  wire::reader in{*bytes};
  for (auto left = in.count(1); left > 0 && in.ok(); --left)
    result.push_back({in.varint()});
  wire::expect_end_or_fields(in);
  if (!in.ok())
    result.clear();
  return result;
}

void put_witnesses(batch& into, const std::vector<replication::session_id>& all) {
  wire::writer out;
  out.varint(all.size());
  for (const auto& one : all)
    out.varint(one.value);
  into.put(witnesses_row(), out.view());
}

} // namespace starling::storage
