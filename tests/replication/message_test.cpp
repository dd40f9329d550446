#include "replication/message.hpp"

#include <gtest/gtest.h>

namespace starling::replication {
namespace {

using namespace std::string_literals;

const session_id ann{0x0102030405060708};
const session_id bob{0x1112131415161718};
const auto replica = crdt::replica_id::from(0xa0a1a2a3a4a5a6a7, 0xa8a9aaabacadaeaf);

item counter_item() {
  crdt::pn_counter counter;
  counter.add(replica, 5);
  counter.add(replica, -2);
  return {{crdt::type::counter, "visitors"}, std::move(counter)};
}

item register_item() {
  crdt::lww_register reg;
  reg.assign(replica, 1000, {crdt::payload_kind::json, "\"dark\""});
  return {{crdt::type::register_, "config"}, std::move(reg)};
}

item set_item() {
  crdt::or_set set;
  set.add(replica, {crdt::payload_kind::text, "apple"});
  set.add(replica, {crdt::payload_kind::bytes, "\0\xff"s});
  return {{crdt::type::set, "fruits"}, std::move(set)};
}

std::vector<encoded_item> encode_items(const std::vector<item>& items) {
  std::vector<encoded_item> result;
  for (const auto& [key, part] : items)
    result.push_back({key, part.encode()});
  return result;
}

std::string encode(const message& m) {
  return encode(m, encode_items(m.items));
}

std::string encode_whole(const answer& a) {
  return encode(a, encode_items(a.items));
}

const message full{ann, bob, 300, 290, phase::tells, {counter_item(), register_item(), set_item()}};
const answer yes{bob, ann, 300, verdict::joined};
const answer offering{bob, ann, 300, verdict::joined, 7, {counter_item(), set_item()}};

/// Why the bytes are refused; empty if they are not.
std::string_view refusal(std::string_view bytes) {
  const auto result = decode_message(bytes);
  const auto* error = std::get_if<wire::decode_error>(&result);
  return error ? error->what : std::string_view{};
}

std::string_view refusal_of_answer(std::string_view bytes) {
  const auto result = decode_answer(bytes);
  const auto* error = std::get_if<wire::decode_error>(&result);
  return error ? error->what : std::string_view{};
}

/// Everything before a message's items, their number included.
std::string head(std::string_view count) {
  const auto empty = encode(message{ann, bob, 1}, {});
  return empty.substr(0, empty.size() - 1).append(count); // whose number is the last byte
}

TEST(Message, SurvivesEncodingAndDecoding) {
  EXPECT_EQ(decode_message(encode(full)), (wire::decoded<message>{full}));
}

TEST(Message, MayBeWithoutItems) {
  const message empty{ann, bob, 0};

  EXPECT_EQ(decode_message(encode(empty)), (wire::decoded<message>{empty}));
}

TEST(Message, SurvivesWithTheLargestSequenceNumber) {
  const message last{ann, bob, UINT64_MAX, UINT64_MAX, phase::asks, {counter_item()}};

  EXPECT_EQ(decode_message(encode(last)), (wire::decoded<message>{last}));
}

TEST(Message, HasTheseBytesForEver) {
  const message m{ann, bob, 300, 290, phase::tells, {counter_item()}};

  const auto expected = "\x02"                             // version
                        "\x08\x07\x06\x05\x04\x03\x02\x01" // from
                        "\x18\x17\x16\x15\x14\x13\x12\x11" // to
                        "\xac\x02"                         // sequence
                        "\xa2\x02"                         // acknowledged
                        "\x01"                             // begins a round
                        "\x01"                             // one item:
                        "\x01\x08visitors"                 //   a counter and its name
                        "\x15"                             //   21 bytes of value:
                        "\x01\x01"                         //     version, a counter
                        "\x01"                             //     one entry: replica, added, removed
                        "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf"
                        "\x05\x02"s;

  EXPECT_EQ(encode(m), expected);
  EXPECT_EQ(decode_message(expected), (wire::decoded<message>{m}));
}

TEST(Message, IsRefusedWhereverItIsCut) {
  const auto bytes = encode(full);

  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(refusal(bytes.substr(0, size)), "") << "cut to " << size << " bytes";
}

TEST(Message, OfAnotherVersionIsRefused) {
  auto bytes = encode(full);

  for (const char version : {'\0', '\1', '\3', '\xff'}) {
    bytes[0] = version;
    EXPECT_EQ(refusal(bytes), "unknown version of the gossip format");
  }
}

TEST(Message, OfAnUnknownPhaseIsRefused) {
  auto bytes = encode(message{ann, bob, 1});
  bytes[bytes.size() - 2] = '\3';

  EXPECT_EQ(refusal(bytes), "unknown phase of a round");
}

TEST(Message, WithBytesLeftOverIsRefused) {
  EXPECT_EQ(refusal(encode(full) + '\0'), "bytes left over after the value");
}

TEST(Message, WithAValueOfAnotherTypeThanItsKeyIsRefused) {
  const std::vector<encoded_item> items{{{crdt::type::set, "x"}, counter_item().part.encode()}};

  EXPECT_EQ(refusal(encode(message{ann, bob, 1}, items)), "value of another type than its key");
}

TEST(Message, WithAKeyOfUnknownTypeIsRefused) {
  auto bytes = encode(message{ann, bob, 1, 0, phase::goes_on, {counter_item()}});
  bytes[head("\1").size()] = '\4';
  EXPECT_EQ(refusal(bytes), "unknown type of value");
}

TEST(Message, WithALongerNameThanAnyUsersIsRefused) {
  auto longest = counter_item();
  longest.key.name.assign(crdt::key_name_max, 'x');
  auto too_long = longest;
  too_long.key.name += 'x';

  EXPECT_EQ(refusal(encode(message{ann, bob, 1, 0, phase::goes_on, {longest}})), "");
  EXPECT_EQ(refusal(encode(message{ann, bob, 1, 0, phase::goes_on, {too_long}})),
            "byte string is too long");
}

TEST(Message, ThatAnnouncesMoreItemsThanItCanHoldIsRefused) {
  // 2^63 items of nothing, and one more than the rest has room for.
  EXPECT_EQ(refusal(head("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")),
            "more items announced than the input can hold");
  EXPECT_EQ(refusal(head("\2") + std::string(9, '\1')),
            "more items announced than the input can hold");
}

TEST(Message, ThatAnnouncesALongerValueThanItHoldsIsRefused) {
  EXPECT_EQ(refusal(head("\1") + "\1\1x\x7f\1\1"s + std::string(30, '\0')), "input ends too early");
}

TEST(Message, WithAValueAtItsBottomIsRefused) {
  auto items = encode_items({counter_item()});
  items.push_back({{crdt::type::set, "x"}, crdt::value{crdt::type::set}.encode()});
  items.back().key.name.assign(30, 'x'); // so that two items might fit

  EXPECT_EQ(refusal(encode(message{ann, bob, 1}, items)), "value without content");
}

TEST(Message, WithMoreItemsThanAnnouncedIsRefused) {
  const auto one = encode(message{ann, bob, 1, 0, phase::goes_on, {counter_item()}});
  const auto two =
      encode(message{ann, bob, 1, 0, phase::goes_on, {counter_item(), counter_item()}});

  EXPECT_EQ(refusal(head("\1") + two.substr(head("\2").size())), "bytes left over after the value");
  EXPECT_EQ(refusal(head("\1") + one.substr(head("\1").size())), "");
}

TEST(Message, IsRefusedAsAWholeForOneBadValue) {
  auto items = encode_items(full.items);
  items.back().bytes.back() = '\x7f';

  EXPECT_NE(refusal(encode(message{ann, bob, 1}, items)), "");
}

TEST(Message, AnItemTakesNoMoreThanItsSize) {
  auto named = counter_item();
  named.key.name.assign(crdt::key_name_max, 'x');
  const auto empty = encode(message{ann, bob, 1, 0, phase::goes_on, {}}).size();

  for (const auto& i : {counter_item(), register_item(), set_item(), named}) {
    const encoded_item coded{i.key, i.part.encode()};
    EXPECT_LE(encode(message{ann, bob, 1}, {coded}).size(), empty + coded.size());
  }
}

TEST(Answer, SurvivesEncodingAndDecoding) {
  const answer no{bob, ann, 0, verdict::other_session};

  EXPECT_EQ(decode_answer(encode(yes)), (wire::decoded<answer>{yes}));
  EXPECT_EQ(decode_answer(encode_whole(offering)), (wire::decoded<answer>{offering}));
  EXPECT_EQ(decode_answer(encode(no)), (wire::decoded<answer>{no}));
}

TEST(Answer, HasTheseBytesForEver) {
  const auto begin = "\x02"                             // version
                     "\x18\x17\x16\x15\x14\x13\x12\x11" // from
                     "\x08\x07\x06\x05\x04\x03\x02\x01" // to
                     "\xac\x02"                         // sequence
                     "\x01"s;                           // joined
  EXPECT_EQ(encode(yes), begin + "\0\0"s);              // no offer, no items
  const auto with = encode_whole(offering);
  EXPECT_EQ(with.substr(0, begin.size() + 2), begin + "\7\2");
  EXPECT_EQ(with.substr(begin.size() + 1),
            encode(message{ann, bob, 1, 0, phase::goes_on, offering.items}).substr(20));
}

TEST(Answer, WithAnOfferAndNoItemsOrItemsAndNoOfferIsRefused) {
  const auto why = "an offer without items, or items without an offer";
  EXPECT_EQ(refusal_of_answer(encode(answer{bob, ann, 1, verdict::joined, 7})), why);
  EXPECT_EQ(refusal_of_answer(encode(yes, encode_items({counter_item()}))), why);
}

TEST(Answer, IsRefusedWhereverItIsCut) {
  const auto bytes = encode_whole(offering);

  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(refusal_of_answer(bytes.substr(0, size)), "") << "cut to " << size << " bytes";
}

TEST(Answer, OfAnotherVersionIsRefused) {
  auto bytes = encode(yes);
  bytes[0] = '\1';

  EXPECT_EQ(refusal_of_answer(bytes), "unknown version of the gossip format");
}

TEST(Answer, WithAnUnknownVerdictIsRefused) {
  auto bytes = encode(yes);

  for (const char verdict : {'\0', '\3', '\xff'}) {
    bytes[bytes.size() - 3] = verdict;
    EXPECT_EQ(refusal_of_answer(bytes), "unknown verdict");
  }
}

TEST(Answer, WithBytesLeftOverIsRefused) {
  EXPECT_EQ(refusal_of_answer(encode(yes) + '\1'), "bytes left over after the value");
}

} // namespace
} // namespace starling::replication
