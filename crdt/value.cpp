#include "crdt/value.hpp"

#include "wire/utf8.hpp"

#include <cassert>

namespace starling::crdt {

namespace {

constexpr std::uint8_t format_version = 1;

bool is_type(std::uint8_t x) {
  return x >= 1 && x <= 3;
}

} // namespace

std::string_view to_string(type t) {
  switch (t) {
  case type::counter:
    return "counter";
  case type::register_:
    return "register";
  case type::set:
    return "set";
  }
  return "unknown";
}

void encode(wire::writer& out, const key& k) {
  out.u8(static_cast<std::uint8_t>(k.type));
  out.bytes(k.name);
}

key decode_key(wire::reader& in) {
  key result;
  const auto t = in.u8();
  if (!is_type(t))
    in.fail("unknown type of value");
  else
    result.type = static_cast<type>(t);
  result.name = in.bytes(key_name_max);
  if (!wire::is_utf8(result.name))
    in.fail("name of a key that is not UTF-8");
  return result;
}

value::value(crdt::type t) {
  switch (t) {
  case type::counter:
    held_ = pn_counter{};
    break;
  case type::register_:
    held_ = lww_register{};
    break;
  case type::set:
    held_ = or_set{};
    break;
  }
}

bool value::empty() const {
  return std::visit([](const auto& x) { return x.empty(); }, held_);
}

std::size_t value::footprint() const {
  switch (type()) {
  case crdt::type::counter:
    return as<pn_counter>().entries().size() * 24;
  case crdt::type::register_: {
    const auto& current = as<lww_register>().current();
    return current ? current->what.data.size() + 32 : 0;
  }
  case crdt::type::set:
    return as<or_set>().footprint();
  }
  return 0;
}

std::size_t value::elements() const {
  return std::visit([](const auto& x) { return x.elements(); }, held_);
}

std::size_t value::elements_of(std::string_view own_encoding) {
  wire::reader in{own_encoding};
  in.u8(); // the version
  switch (static_cast<crdt::type>(in.u8())) {
  case crdt::type::counter:
    return in.varint();
  case crdt::type::register_:
    return in.remaining() > 0 && in.u8() != 0 ? 1 : 0;
  case crdt::type::set:
    return or_set::elements_of(in);
  }
  return 0;
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

std::string value::encode() const {
  wire::writer out;
  out.u8(format_version);
  out.u8(static_cast<std::uint8_t>(type()));
  std::visit([&](const auto& x) { x.encode(out); }, held_);
  return std::move(out).take();
}

std::string value::encode_set(const causal_context& seen,
                              const std::vector<or_set::held_entry>& held) {
  wire::writer out;
  out.u8(format_version);
  out.u8(static_cast<std::uint8_t>(crdt::type::set));
  or_set::encode(out, seen, held);
  return std::move(out).take();
}

wire::decoded<value> value::decode(std::string_view bytes) {
  wire::reader in{bytes};
  if (in.u8() != format_version)
    in.fail("unknown version of the value format");
  const auto t = in.u8();
  if (!is_type(t))
    in.fail("unknown type of value");
  if (!in.ok())
    return in.error();
  value result{static_cast<crdt::type>(t)};
  std::visit([&](auto& x) { x = std::decay_t<decltype(x)>::decode(in); }, result.held_);
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

} // namespace starling::crdt
