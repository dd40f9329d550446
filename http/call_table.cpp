#include "http/call_table.hpp"

#include "wire/call.hpp"

#include <algorithm>

namespace starling::http {

const call_row* call_table::find(std::string_view path) const {
  const auto found = std::ranges::find(rows_, path, &call_row::path);
  return found == rows_.end() ? nullptr : &*found;
}

call_row::answer call_table::answer(const call_row& row, std::string_view bytes) const {
  if (row.may_be_repeated)
    return row.handle(std::string{bytes});
  auto admission = via_.ask<std::string>(guard_, actors::message_atom_v, std::string{bytes});
  const bool is_challenged = admission && !admission->empty();
  if (!admission || is_challenged)
    return admission;
  wire::reader in{bytes};
  wire::decode_call_header(in);
  return row.handle(std::string{in.raw(in.remaining())});
}

} // namespace starling::http
