#include "wire/call.hpp"
#include "wire/fields.hpp"
#include "wire/seal.hpp"

#include <gtest/gtest.h>

namespace starling::wire {
namespace {

TEST(Call, BeginsWithItsHeader) {
  const call_header h{{0x0102030405060708}, 300, {{0x1112131415161718}, 5}};
  writer out;
  encode(out, h);
  out.raw("content");

  EXPECT_EQ(to_hex(out.view()), "02"
                                "0102030405060708"
                                "ac02"
                                "1112131415161718"
                                "05"
                                "00" // no fields
                                "636f6e74656e74");
  reader in{out.view()};
  const auto read = decode_call_header(in);
  EXPECT_EQ(read.from, h.from);
  EXPECT_EQ(read.number, h.number);
  EXPECT_EQ(read.to, h.to);
  EXPECT_EQ(in.raw(in.remaining()), "content");
  for (std::size_t size = 0; size < 21; ++size) {
    reader cut{out.view().substr(0, size)};
    decode_call_header(cut);
    EXPECT_FALSE(cut.ok()) << size;
  }
  const auto unknown = "\x01" + std::string(40, '\0');
  reader other{unknown};
  decode_call_header(other);
  EXPECT_FALSE(other.ok());
}

TEST(Call, OfALaterVersionHasFieldsThatAreSkipped) {
  const call_header h{{7}, 1, {{42}, 1}};
  writer out;
  encode(out, h);
  out.truncate(out.size() - 1);
  put_field(out, 9, "who knows");
  end_fields(out);
  out.raw("content");

  reader in{out.view()};
  EXPECT_EQ(decode_call_header(in).to, h.to);
  EXPECT_EQ(in.raw(in.remaining()), "content");
}

TEST(Call, AChallengeSaysWhatTheReceiverSpeaks) {
  const challenge c{{9}, 3};
  const auto bytes = encode_answer(c, {6, 8});
  EXPECT_EQ(range_in(bytes), (protocol_range{6, 8}));
  EXPECT_EQ(std::get<challenge>(decode_answer(bytes)), c);
  EXPECT_EQ(range_in(encode_answer(c)), spoken);

  EXPECT_EQ(range_in(encode_answer("content")), std::nullopt);
  auto other = bytes.substr(0, bytes.size() - 1);
  other += {'\x05', '\x02', 'a', 'b', '\0'}; // another field
  EXPECT_EQ(range_in(other), (protocol_range{6, 8}));
  EXPECT_EQ(std::get<challenge>(decode_answer(other)), c);
  EXPECT_EQ(range_in(encode_answer(c, {8, 6})), std::nullopt) << "no range";
}

TEST(Call, IsAnsweredWithContentOrAChallenge) {
  const auto content = encode_answer("content");
  EXPECT_FALSE(is_challenge(content));
  EXPECT_EQ(std::get<std::string_view>(decode_answer(content)), "content");
  EXPECT_EQ(std::get<std::string_view>(decode_answer(encode_answer(""))), "");

  const challenge c{{9}, 3};
  const auto challenged = encode_answer(c);
  EXPECT_TRUE(is_challenge(challenged));
  EXPECT_EQ(std::get<challenge>(decode_answer(challenged)), c);

  EXPECT_FALSE(is_challenge(""));
  for (const auto& bad : {std::string{}, std::string{"\x02"}, challenged + "x",
                          challenged.substr(0, challenged.size() - 1)})
    EXPECT_TRUE(std::holds_alternative<decode_error>(decode_answer(bad))) << bad.size();
}

} // namespace
} // namespace starling::wire
