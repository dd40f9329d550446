#include "http/api/commands.hpp"

#include "http/api/types.hpp"

namespace starling::http {

result<crdt::command> command_of(const crdt::key& key, std::string_view body,
                                 const wire::secret& secret, style how) {
  return apis::visit(key.type, [&](auto which) -> result<crdt::command> {
    auto read = decltype(which)::type::command_of(body, key, secret, how);
    if (!read)
      return std::move(read).error();
    return crdt::command{*std::move(read)};
  });
}

} // namespace starling::http
