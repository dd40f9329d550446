#include "http/api/commands.hpp"

#include "http/api/types.hpp"

namespace starling::http {

std::variant<problem, crdt::command> command_of(const crdt::key& key, std::string_view body,
                                                const wire::secret& secret, style how) {
  using outcome = std::variant<problem, crdt::command>;
  return apis::visit(key.type, [&](auto which) -> outcome {
    auto read = decltype(which)::type::command_of(body, key, secret, how);
    if (auto* refused = std::get_if<problem>(&read))
      return std::move(*refused);
    return crdt::command{std::get<1>(std::move(read))};
  });
}

} // namespace starling::http
