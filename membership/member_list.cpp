#include "membership/member_list.hpp"

#include "membership/settings.hpp"

namespace starling::membership {

namespace {

// No list has more records: a table has at most `members_max` live and as many dead members, and
// one more record says what the receiver knew of the sender before.
constexpr std::size_t records_max = 2 * members_max + 1;

// A length; id, incarnation, state, whether there is a profile, age.
constexpr std::size_t record_bytes_min = 1 + 16 + 2 + 1 + 1 + 1;

} // namespace

void begin_list(wire::writer& out, const list_head& head, std::size_t records) {
  out.u8(head.version);
  encode(out, head.speaks);
  encode(out, head.id);
  out.bytes(head.address);
  out.bytes(head.name);
  out.varint(records);
}

void add_to_list(wire::writer& out, const member& who, std::uint64_t age) {
  wire::writer record;
  encode(record, who);
  record.varint(age);
  out.bytes(record.view());
}

list_head decode_list_head(wire::reader& in) {
  list_head head{.version = in.u8(),
                 .speaks = wire::decode_protocol_range(in),
                 .id = decode_node_id(in),
                 .address = std::string{in.bytes(address_bytes_max)},
                 .name = std::string{in.bytes(name_bytes_max)}};
  if (in.ok() && (!parse_endpoint(head.address) || !is_printable(head.name)))
    in.fail("a list of nobody");
  return head;
}

std::vector<listed_member> decode_list(wire::reader& in) {
  const auto count = in.count(record_bytes_min);
  if (count > records_max)
    in.fail("too many members");
  std::vector<listed_member> result;
  for (auto left = count; left > 0 && in.ok(); --left) {
    wire::reader record{in.bytes()};
    auto& one = result.emplace_back();
    one.who = decode_member(record);
    one.age = record.varint();
    if (!record.ok())
      in.fail(record.error().what);
  }
  in.expect_end();
  return result;
}

} // namespace starling::membership
