#include "membership/member.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace starling::membership {

namespace {

member sample() {
  return {"node-0:9080",        1'700'000'000'000, node_id::from(1, 2),
          {0xfedcba9876543210}, "node-0",          "example.org:8080"};
}

announcement sample_announcement() {
  auto other = sample();
  other.address = "[::1]:9081";
  other.name.clear();
  other.http_address.clear();
  return {sample(), {other}};
}

template <class T>
std::string encoded(const T& x) {
  wire::writer out;
  encode(out, x);
  return std::move(out).take();
}

bool is_refused(const member& record) {
  const auto bytes = encoded(record);
  wire::reader in{bytes};
  decode_member(in);
  return !in.ok();
}

} // namespace

TEST(Member, IdsAreWrittenInHexadecimal) {
  EXPECT_EQ(to_string(node_id::from(0x0123456789abcdef, 1)), "0123456789abcdef0000000000000001");
  EXPECT_EQ(to_string(session_id{0xa}), "000000000000000a");
}

TEST(Member, SurvivesEncodingAndDecoding) {
  const auto bytes = encoded(sample());
  wire::reader in{bytes};

  EXPECT_EQ(decode_member(in), sample());
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(Member, DecoderRefusesWhatNoMemberWrites) {
  auto record = sample();
  EXPECT_FALSE(is_refused(record));

  record.generation = generation_max;
  EXPECT_FALSE(is_refused(record));
  record.generation = generation_max + 1;
  EXPECT_TRUE(is_refused(record));

  record = sample();
  record.address = "node-0";
  EXPECT_TRUE(is_refused(record));
  record.address = std::string(254, 'a') + ":1";
  EXPECT_TRUE(is_refused(record));

  record = sample();
  record.name = std::string(name_bytes_max, 'n');
  EXPECT_FALSE(is_refused(record));
  record.name.push_back('n');
  EXPECT_TRUE(is_refused(record));
  record.name = "two\nlines";
  EXPECT_TRUE(is_refused(record));

  record = sample();
  record.http_address = "nowhere";
  EXPECT_TRUE(is_refused(record));
}

TEST(Announcement, SurvivesEncodingAndDecoding) {
  const auto decoded = decode_announcement(encoded(sample_announcement()));

  ASSERT_TRUE(std::holds_alternative<announcement>(decoded));
  EXPECT_EQ(std::get<announcement>(decoded), sample_announcement());
}

TEST(Announcement, EncodingIsFixed) {
  const announcement said{{"a:1", 5, node_id::from(1, 2), {3}, "n", ""}, {}};

  EXPECT_EQ(encoded(said), std::string("\x01\x03"
                                       "a:1\x05"
                                       "\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02"
                                       "\0\0\0\0\0\0\0\x03\x01n\0\0",
                                       34));
}

TEST(Announcement, DecoderRefusesEveryTruncationAndAnyTail) {
  const auto bytes = encoded(sample_announcement());

  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_TRUE(std::holds_alternative<wire::decode_error>(
        decode_announcement(std::string_view{bytes}.substr(0, size))))
        << size;
  EXPECT_TRUE(std::holds_alternative<wire::decode_error>(decode_announcement(bytes + '\0')));
}

TEST(Announcement, DecoderRefusesOtherVersions) {
  auto bytes = encoded(sample_announcement());
  bytes[0] = 2;
  EXPECT_EQ(std::get<wire::decode_error>(decode_announcement(bytes)).what,
            "unknown version of the member list");
}

TEST(Announcement, DecoderRefusesMoreThanMembersMax) {
  announcement said{sample(), std::vector<member>(members_max - 1, sample())};
  EXPECT_TRUE(std::holds_alternative<announcement>(decode_announcement(encoded(said))));

  said.others.push_back(sample());
  EXPECT_EQ(std::get<wire::decode_error>(decode_announcement(encoded(said))).what,
            "too many members");
}

TEST(Announcement, NoneIsLargerThanItsBound) {
  auto largest = sample();
  largest.address = std::string(253, 'a') + ":1";
  largest.http_address = largest.address;
  largest.generation = generation_max;
  largest.name = std::string(name_bytes_max, 'n');

  for (const std::size_t members : {1u, 2u, 256u})
    EXPECT_LE(encoded(announcement{largest, std::vector<member>(members - 1, largest)}).size(),
              announcement_bytes_max(members));
}

} // namespace starling::membership
