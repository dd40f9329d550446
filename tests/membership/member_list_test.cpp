#include "membership/member_list.hpp"
#include "membership/settings.hpp"
#include "tests/membership/samples.hpp"
#include "wire/seal.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

const list_head head{
    .version = 5, .speaks = {5, 6}, .id = node_id::from(1, 2), .address = "a:1", .name = "n"};

const listed_member gone{{numbered(5), {{300, 1}, member_state::dead, {}}, std::nullopt}, 300};
const listed_member there{sample_member(), 0};

std::string list_of(const list_head& h, const std::vector<listed_member>& records) {
  wire::writer out;
  begin_list(out, h, records.size());
  for (const auto& [who, age] : records)
    add_to_list(out, who, age);
  return std::move(out).take();
}

struct whole_list {
  list_head head;
  std::vector<listed_member> records;
};

std::optional<whole_list> read(std::string_view bytes) {
  wire::reader in{bytes};
  whole_list result;
  result.head = decode_list_head(in);
  result.records = decode_list(in);
  return in.ok() ? std::optional{std::move(result)} : std::nullopt;
}

TEST(MemberList, HasTheseBytes) {
  EXPECT_EQ(wire::to_hex(list_of(head, {gone})), "05"
                                                 "0506"
                                                 "00000000000000010000000000000002"
                                                 "03613a31"
                                                 "016e"
                                                 "01" // record
                                                 "17"
                                                 "00000000000000000000000000000005"
                                                 "ac0201"
                                                 "30" // dead
                                                 "00"
                                                 "ac02"); // seconds
}

TEST(MemberList, Survives) {
  const auto list = read(list_of(head, {gone, there}));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->head, head);
  EXPECT_EQ(list->records, (std::vector{gone, there}));
}

TEST(MemberList, WhatFollowsInARecordIsSkipped) {
  wire::writer record;
  encode(record, gone.who);
  record.varint(gone.age);
  record.raw("what a later version says");
  wire::writer out;
  begin_list(out, head, 2);
  out.bytes(record.view());
  add_to_list(out, there.who, there.age);

  const auto list = read(out.view());

  ASSERT_TRUE(list);
  EXPECT_EQ(list->records, (std::vector{gone, there}));
}

TEST(MemberList, IsRefusedIfTruncatedOrWithATail) {
  const auto good = list_of(head, {gone, there});
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(read(good.substr(0, size))) << size;
  EXPECT_FALSE(read(good + '\0'));
}

TEST(MemberList, IsBounded) {
  EXPECT_TRUE(read(list_of(head, std::vector(2 * members_max + 1, gone))));
  EXPECT_FALSE(read(list_of(head, std::vector(2 * members_max + 2, gone))));
}

TEST(MemberList, ItsSenderHasAnAddress) {
  auto h = head;
  h.address = "nowhere";
  EXPECT_FALSE(read(list_of(h, {})));
  h = head;
  h.name = "two\nlines";
  EXPECT_FALSE(read(list_of(h, {})));
  h.name = std::string(name_bytes_max + 1, 'x');
  EXPECT_FALSE(read(list_of(h, {})));
}

TEST(MemberList, TheHeadIsReadInAnyVersion) {
  auto h = head;
  h.version = 200;
  h.speaks = {150, 250};
  const auto bytes = list_of(h, {}) + "anything";
  wire::reader in{bytes};
  EXPECT_EQ(decode_list_head(in), h);
  EXPECT_TRUE(in.ok());
}

} // namespace
} // namespace starling::membership
