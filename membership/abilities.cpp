#include "membership/abilities.hpp"

#include <algorithm>
#include <functional>

namespace starling::membership {

namespace {

// A new field has the next number.
enum known_field : std::uint64_t { speaks_field = 1, values_field = 2, last_field = values_field };

bool is_known(std::uint64_t number) {
  return number <= last_field;
}

template <class List, class Project>
bool ascends(const List& all, Project by) {
  return std::ranges::adjacent_find(all, std::greater_equal{}, by) == all.end();
}

std::vector<readable> decode_values(wire::reader& in) {
  std::vector<readable> result;
  while (in.ok() && in.remaining() > 0) {
    const auto type = in.u8();
    result.push_back({type, in.u8()});
  }
  if (result.empty() || !ascends(result, &readable::type))
    in.fail("types of values out of order");
  return result;
}

} // namespace

bool is_valid(const abilities& a) {
  wire::writer out;
  encode(out, a);
  return a.speaks.oldest > 0 && a.speaks.oldest <= a.speaks.newest &&
         ascends(a.values, &readable::type) && ascends(a.others, &wire::field::number) &&
         std::ranges::none_of(a.others, [](const auto& f) { return is_known(f.number); }) &&
         out.size() <= abilities_bytes_max;
}

bool can_read(const abilities& a, std::uint8_t type, std::uint8_t format) {
  const auto found = std::ranges::lower_bound(a.values, type, {}, &readable::type);
  return found != a.values.end() && found->type == type && format <= found->format;
}

abilities meet(const abilities& a, const abilities& b) {
  abilities result{.speaks = {std::max(a.speaks.oldest, b.speaks.oldest),
                              std::min(a.speaks.newest, b.speaks.newest)}};
  for (const auto& mine : a.values) {
    const auto theirs = std::ranges::lower_bound(b.values, mine.type, {}, &readable::type);
    if (theirs != b.values.end() && theirs->type == mine.type)
      result.values.push_back({mine.type, std::min(mine.format, theirs->format)});
  }
  return result;
}

void encode(wire::writer& out, const abilities& a) {
  wire::writer content;
  encode(content, a.speaks);
  wire::put_field(out, speaks_field, content.view());
  if (!a.values.empty()) {
    content.truncate(0);
    for (const auto& [type, format] : a.values) {
      content.u8(type);
      content.u8(format);
    }
    wire::put_field(out, values_field, content.view());
  }
  for (const auto& [number, bytes] : a.others)
    wire::put_field(out, number, bytes);
  wire::end_fields(out);
}

abilities decode_abilities(wire::reader& in) {
  abilities result;
  bool says_what_it_speaks = false;
  const auto before = in.remaining();
  wire::read_fields(in, [&](std::uint64_t number, std::string_view bytes) {
    if (!is_known(number)) {
      result.others.push_back({number, std::string{bytes}});
      return;
    }
    wire::reader content{bytes};
    if (number == speaks_field) {
      result.speaks = wire::decode_protocol_range(content);
      says_what_it_speaks = true;
    } else if (number == values_field) {
      result.values = decode_values(content);
    }
    content.expect_end();
    if (!content.ok())
      in.fail(content.error().what);
  });
  if (!says_what_it_speaks)
    in.fail("a profile that does not say which versions its node speaks");
  if (before - in.remaining() > abilities_bytes_max)
    in.fail("too many fields of a profile");
  return result;
}

} // namespace starling::membership
