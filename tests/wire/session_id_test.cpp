#include "wire/session_id.hpp"

#include <gtest/gtest.h>

namespace starling::wire {
namespace {

TEST(SessionId, IsSixteenDigitsForPeople) {
  EXPECT_EQ(to_string(session_id{0xa}), "000000000000000a");
  EXPECT_EQ(to_string(session_id{0x0102030405060708}), "0102030405060708");
}

TEST(SessionId, IsEightBytesOnTheWire) {
  writer out;
  encode(out, session_id{0x0102030405060708});
  EXPECT_EQ(out.view(), "\x01\x02\x03\x04\x05\x06\x07\x08");
  reader in{out.view()};
  EXPECT_EQ(decode_session_id(in), session_id{0x0102030405060708});
  EXPECT_TRUE(in.ok());
  reader cut{out.view().substr(1)};
  decode_session_id(cut);
  EXPECT_FALSE(cut.ok());
}

} // namespace
} // namespace starling::wire
