#include "wire/call.hpp"

#include "wire/fields.hpp"

namespace starling::wire {

namespace {

constexpr std::uint8_t call_version = 2;
constexpr std::uint64_t range_field = 1;
constexpr std::uint8_t answer_content = 0;
constexpr std::uint8_t answer_challenge = 1;

void encode(writer& out, const challenge& c) {
  encode(out, c.session);
  out.varint(c.epoch);
}

challenge decode_challenge(reader& in) {
  challenge c;
  c.session = decode_session_id(in);
  c.epoch = in.varint();
  return c;
}

} // namespace

void encode(writer& out, const call_header& h) {
  out.u8(call_version);
  encode(out, h.from);
  out.varint(h.number);
  encode(out, h.to);
  end_fields(out);
}

call_header decode_call_header(reader& in) {
  if (in.u8() != call_version)
    in.fail("unknown version of a call");
  call_header h;
  h.from = decode_session_id(in);
  h.number = in.varint();
  h.to = decode_challenge(in);
  skip_fields(in);
  return h;
}

void begin_answer(writer& out) {
  out.u8(answer_content);
}

std::string encode_answer(std::string_view content) {
  writer out;
  begin_answer(out);
  out.raw(content);
  return std::move(out).take();
}

std::string encode_answer(const challenge& c, const protocol_range& speaks) {
  writer range;
  encode(range, speaks);
  writer out;
  out.u8(answer_challenge);
  encode(out, c);
  put_field(out, range_field, range.view());
  end_fields(out);
  return std::move(out).take();
}

std::variant<std::string_view, challenge, decode_error> decode_answer(std::string_view answer) {
  reader in{answer};
  const auto kind = in.u8();
  if (in.ok() && kind == answer_content)
    return in.raw(in.remaining());
  if (kind != answer_challenge)
    return decode_error{"neither an answer nor a challenge"};
  const auto c = decode_challenge(in);
  skip_fields(in);
  in.expect_end();
  if (!in.ok())
    return in.error();
  return c;
}

std::optional<protocol_range> range_in(std::string_view answer) {
  reader in{answer};
  if (in.u8() != answer_challenge)
    return std::nullopt;
  decode_challenge(in);
  std::optional<protocol_range> result;
  read_fields(in, [&](std::uint64_t number, std::string_view bytes) {
    if (number != range_field)
      return;
    reader content{bytes};
    const auto range = decode_protocol_range(content);
    content.expect_end();
    if (content.ok())
      result = range;
  });
  return in.ok() ? result : std::nullopt;
}

bool is_challenge(std::string_view answer) {
  return !answer.empty() && static_cast<std::uint8_t>(answer[0]) == answer_challenge;
}

} // namespace starling::wire
