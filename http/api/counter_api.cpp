#include "http/api/counter_api.hpp"

#include "http/api/json_parts.hpp"
#include "http/api/type_api.hpp"

#include <charconv>

namespace starling::http {

static_assert(type_api<counter_api>);

namespace {

using enum problem_code;

/// An integer, or a string with its digits: many clients lose the last digits of JSON numbers
/// beyond 2^53.
result<std::int64_t> read_amount(std::string_view text, const std::string& pointer) {
  const auto content = string_of(text);
  const auto digits = content ? std::string_view{*content} : text;
  if (!is_integer(digits))
    return wrong_type_at(pointer, "an integer without fraction and exponent, or such an integer "
                                  "as a string");
  std::int64_t amount = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), amount); // leaves 0 beyond 64 bits
  if (amount <= 0)
    return problem{out_of_range, "wanted is a number from 1 to 9223372036854775807", pointer};
  return amount;
}

} // namespace

result<crdt::counter_add> counter_api::command_of(std::string_view body, const crdt::key&,
                                                  const wire::secret&, style) {
  auto read = read_body(body, {"increment", "decrement"}, R"({"increment": 5})");
  if (!read)
    return std::move(read).error();
  const auto& given = *read;
  if (given.empty())
    return problem{missing_member, "give increment or decrement"};
  if (given.size() > 1)
    return problem{conflicting_members, "give either increment or decrement"};
  const auto& [name, text] = *given.begin();
  const auto amount = read_amount(text, pointer_to("", name));
  if (!amount)
    return amount.error();
  const auto n = *amount;
  return crdt::counter_add{name == "increment" ? n : -n};
}

std::vector<std::string> counter_api::show(const crdt::counter_view& what, const crdt::key&,
                                           const wire::secret&, style how) {
  const auto digits = std::to_string(what.reading.value);
  std::vector<std::string> members{member("value", how.numbers_as_text ? quote(digits) : digits)};
  if (what.reading.saturated)
    members.push_back(member("saturated", "true"));
  return members;
}

} // namespace starling::http
