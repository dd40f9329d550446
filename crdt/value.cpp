#include "crdt/value.hpp"

#include "crdt/value_format.hpp"
#include "wire/utf8.hpp"

#include <algorithm>
#include <cassert>

namespace starling::crdt {

namespace {

/// Calls `f` with a known type, as a `std::type_identity`, or gives `otherwise`.
template <class F, class Result>
Result with(type t, Result otherwise, F f) {
  const auto place = types::place_of(t);
  return place ? types::visit_at(*place, f) : otherwise;
}

} // namespace

std::string_view to_string(type t) {
  return with(t, std::string_view{"unknown"},
              [](auto which) -> std::string_view { return decltype(which)::type::name; });
}

std::optional<type> type_named(std::string_view name) {
  const auto found = std::ranges::find(types::ids, name, [](type t) { return to_string(t); });
  return found == types::ids.end() ? std::nullopt : std::optional{*found};
}

bool has_rows(type t) {
  return with(t, false, [](auto which) -> bool { return decltype(which)::type::has_rows; });
}

void encode(wire::writer& out, const key& k) {
  out.u8(static_cast<std::uint8_t>(k.type));
  out.bytes(k.name);
}

key decode_key(wire::reader& in) {
  key result;
  result.type = static_cast<type>(in.u8());
  if (!is_known(result.type))
    in.fail("unknown type of value");
  result.name = in.bytes(key_name_max);
  if (!wire::is_utf8(result.name))
    in.fail("name of a key that is not UTF-8");
  return result;
}

value::value(crdt::type t) {
  assert(is_known(t));
  types::visit_at(*types::place_of(t), [this](auto which) {
    held_ = typename decltype(which)::type::state{};
    return true;
  });
}

bool value::empty() const {
  return std::visit([](const auto& x) { return x.empty(); }, held_);
}

std::size_t value::footprint() const {
  return visit(
      [](const auto& x, auto which) -> std::size_t { return decltype(which)::type::footprint(x); });
}

std::size_t value::elements() const {
  return std::visit([](const auto& x) { return x.elements(); }, held_);
}

std::size_t value::elements_of(std::string_view own_encoding) {
  wire::reader in{own_encoding};
  in.u8(); // the version
  const auto t = static_cast<crdt::type>(in.u8());
  return with(t, std::size_t{0},
              [&](auto which) -> std::size_t { return decltype(which)::type::elements_of(in); });
}

std::optional<value> value::join(const value& other) {
  assert(type() == other.type());
  return std::visit(
      [&](auto& mine) -> std::optional<value> {
        if (auto news = mine.join(std::get<std::decay_t<decltype(mine)>>(other.held_)))
          return value{std::move(*news)};
        return std::nullopt;
      },
      held_);
}

void value::encode_head(wire::writer& out, crdt::type t) {
  out.u8(value_format);
  out.u8(static_cast<std::uint8_t>(t));
}

std::string value::encode() const {
  wire::writer out;
  encode_head(out, type());
  std::visit([&](const auto& x) { x.encode(out); }, held_);
  return std::move(out).take();
}

wire::decoded<value> value::decode(std::string_view bytes) {
  wire::reader in{bytes};
  if (in.u8() != value_format)
    in.fail("unknown version of the value format");
  const auto t = static_cast<crdt::type>(in.u8());
  if (!is_known(t))
    in.fail("unknown type of value");
  if (!in.ok())
    return in.error();
  value result{t};
  std::visit([&](auto& x) { x = std::decay_t<decltype(x)>::decode(in); }, result.held_);
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

value with_rows(const value& seen, any_rows rows) {
  return seen.visit_rows([&](const auto& state, auto which) -> value {
    using T = typename decltype(which)::type;
    return typename T::state{state.seen(), std::move(std::get<rows_of<T>>(rows).map)};
  });
}

} // namespace starling::crdt
