#include "storage/kept_since.hpp"

#include "storage/layout.hpp"
#include "wire/bytes.hpp"

#include <optional>
#include <string>
#include <utility>

namespace starling::storage {

namespace {

std::string kept_since_row() {
  return node_row("kept-since");
}

std::optional<replication::session_id> decode(std::string_view bytes) {
  wire::reader in{bytes};
  const replication::session_id result{in.varint()};
  in.expect_end();
  return in.ok() ? std::optional{result} : std::nullopt;
}

} // namespace

std::variant<replication::session_id, failure> take_up_kept_since(store& rows,
                                                                  replication::session_id present) {
  auto row = rows.now()->find(kept_since_row());
  if (auto* why = std::get_if<failure>(&row))
    return std::move(*why);
  const auto& bytes = std::get<0>(row);
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
}

void put_kept_since(batch& into, replication::session_id first) {
  wire::writer out;
  out.varint(first.value);
  into.put(kept_since_row(), out.view());
}

} // namespace starling::storage
