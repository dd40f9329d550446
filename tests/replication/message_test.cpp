#include "replication/message.hpp"

#include <gtest/gtest.h>

#include <random>

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

answer mending_answer() {
  answer result{bob, ann, 300, verdict::busy};
  result.root = {1, 2};
  result.walk = repair_answer{std::nullopt, {5}, {}};
  result.sums = {0x0807060504030201, 9};
  result.rows = fragment{0, 300, 4, "xy"};
  return result;
}
const answer mending = mending_answer();

const crdt::key fruits{crdt::type::set, "fruits"};
const repair_request everywhere{0, 1, {0}, {}, {}};

snapshot_rows rows_of_x() {
  crdt::or_set rows;
  rows.add(replica, {crdt::payload_kind::text, "x"});
  return {{1, 2}, rows};
}

message with_walk() {
  message result{ann, bob, 1};
  result.walk = everywhere;
  return result;
}

message with_audit(const range& slice = {9, 300}) {
  message result{ann, bob, 1};
  result.audit = slice;
  return result;
}

message with_step(decltype(row_step::what) what) {
  message result{ann, bob, 1};
  result.comparison = row_step{fruits, 300, std::move(what)};
  return result;
}

message with_fragment(fragment f = {7, 300, 128, "abc"}) {
  message result{ann, bob, 1};
  result.piece = std::move(f);
  return result;
}

/// Everything at once that a message may hold.
message early_message() {
  auto result = full;
  result.is_early = true;
  return result;
}

message mending_message() {
  auto result = full;
  result.mends = true;
  result.walk = everywhere;
  result.audit = range{9, 300};
  result.comparison = row_step{fruits, 300, rows_of_x()};
  return result;
}

std::vector<message> samples() {
  return {full,
          mending_message(),
          with_walk(),
          with_audit(),
          with_step(everywhere),
          with_step(std::uint64_t{300}),
          with_step(rows_of_x()),
          with_fragment(),
          early_message()};
}

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
  return empty.substr(0, empty.size() - 2).append(count); // the number, and that there is no field
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

  const auto expected = "\x05"                             // version
                        "\x08\x07\x06\x05\x04\x03\x02\x01" // from
                        "\x18\x17\x16\x15\x14\x13\x12\x11" // to
                        "\xac\x02"                         // sequence
                        "\xa2\x02"                         // acknowledged
                        "\x01"                             // begins a round
                        "\x01\x03\x01\x02\x03"             // reads counters, registers, sets
                        "\x00"                             // no other field
                        "\x00"                             // content
                        "\x01"                             // one item:
                        "\x01\x08visitors"                 //   a counter and its name
                        "\x15"                             //   21 bytes of value:
                        "\x01\x01"                         //     version, a counter
                        "\x01"                             //     one entry: replica, added, removed
                        "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf"
                        "\x05\x02"
                        "\x00"s; // no field

  EXPECT_EQ(encode(m), expected);
  EXPECT_EQ(decode_message(expected), (wire::decoded<message>{m}));
}

/// A message as it begins in each of the following tests, and what comes after its phase.
std::string message_of(std::string_view rest) {
  return "\x05"                             // version
         "\x08\x07\x06\x05\x04\x03\x02\x01" // from
         "\x18\x17\x16\x15\x14\x13\x12\x11" // to
         "\x01\x00\x00"                     // sequence, acknowledged, phase
         "\x01\x03\x01\x02\x03\x00"s        // reads three types
             .append(rest);
}

void expect_bytes(const message& m, std::string_view rest) {
  EXPECT_EQ(encode(m), message_of(rest));
  EXPECT_EQ(decode_message(message_of(rest)), (wire::decoded<message>{m}));
}

TEST(Message, OfARepairHasTheseBytesForEver) {
  message mends{ann, bob, 1};
  mends.mends = true;

  expect_bytes(mends, "\x00\x00\x01\x00\x00"s); // content, no items, that mend
  expect_bytes(with_walk(), "\x00\x00\x02"      // content, no items, a walk
                            "\x07"              // 7 bytes:
                            "\x01\x00\x01"      //   version, depth, levels
                            "\x01\x00"          //   one range to be split
                            "\x00\x00"          //   none to be listed, none wanted
                            "\x00"s);
  expect_bytes(with_audit(), "\x00\x00\x03"     // content, no items, an audit
                             "\x03\x09\xac\x02" // depth, prefix
                             "\x00"s);
}

TEST(Message, OfEachStepOfASetHasTheseBytesForEver) {
  const auto begin = [](char size) {
    return "\x00\x00\x04"s         // content, no items, a step
           + size + "\x03\6fruits" // the key
           + "\xac\x02"s;          // the comparison
  };

  expect_bytes(with_step(everywhere), begin(19) + "\x01\x07\x01\x00\x01\x01\x00\x00\x00\x00"s);
  expect_bytes(with_step(std::uint64_t{300}), begin(13) + "\x02\xac\x02\x00"s);
  expect_bytes(with_step(rows_of_x()),
               begin(56) + "\x03\x2c"                         // 44 bytes of rows:
                           "\x01"                             //   version
                           "\x02\x00\x00\x00\x00\x00\x00\x00" //   the digest
                           "\x01\x00\x00\x00\x00\x00\x00\x00" //
                           "\x01"                             //   one replica
                           "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf"
                           "\x01\x01\x00"        //   has seen event 1
                           "\x01"                //   one member:
                           "\x02\x01x"           //     a text
                           "\x01\x00\x03\x00"s); //     held by event 1
}

TEST(Message, OfAFragmentHasTheseBytesForEver) {
  expect_bytes(with_fragment(), "\x01"     // a fragment
                                "\x07"     // number
                                "\xac\x02" // size
                                "\x80\x01" // offset
                                "\3abc"s); // the piece
}

TEST(Message, SurvivesWithWhateverItHolds) {
  for (const auto& m : samples())
    EXPECT_EQ(decode_message(encode(m)), (wire::decoded<message>{m}));
}

TEST(Message, HoldsNothingElseBesideAFragment) {
  auto both = mending_message();
  both.piece = with_fragment().piece;
  const auto result = decode_message(encode(both));

  const auto& m = std::get<message>(result);
  EXPECT_EQ(m.piece, both.piece);
  EXPECT_EQ(m.sequence, both.sequence);
  EXPECT_TRUE(m.items.empty() && !m.mends && !m.walk && !m.audit && !m.comparison);
}

TEST(Message, IsRefusedWhereverItIsCutOrContinued) {
  for (const auto& m : samples()) {
    const auto bytes = encode(m);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_NE(refusal(bytes.substr(0, size)), "") << "cut to " << size << " bytes";
    EXPECT_EQ(refusal(bytes + '\0'), "bytes left over after the value");
  }
}

TEST(Message, OfAnUnknownKindIsRefused) {
  EXPECT_EQ(refusal(message_of("\0\0\0"s)), "");
  EXPECT_EQ(refusal(message_of("\2\0\0"s)), "unknown kind of message");
  EXPECT_EQ(refusal(message_of("\xff\0\0"s)), "unknown kind of message");
}

/// The bytes with fields behind the last one, or one in the head, that only a later version knows.
std::string with_unknown_fields(std::string bytes, std::size_t in_the_head = 0) {
  bytes.pop_back();
  bytes += "\x60\3abc\x61\0\0"s;
  if (in_the_head > 0)
    bytes.insert(in_the_head, "\x60\4more");
  return bytes;
}

TEST(Message, IsReadButForFieldsOfLaterVersions) {
  for (auto m : samples()) {
    if (m.piece)
      continue;
    const auto head_of_fields = head("").size() - 2 + (m.sequence > 127 ? 2 : 0);
    const auto bytes = with_unknown_fields(encode(m), head_of_fields);
    m.unknown_fields = 3;
    EXPECT_EQ(decode_message(bytes), (wire::decoded<message>{m}));
  }
}

TEST(Message, WithFieldsThatAreNoneIsRefused) {
  EXPECT_EQ(refusal(message_of("\0\0\1\1x\0"s)), "a mark with content");
  EXPECT_EQ(refusal(message_of("\0\0\6\0\1\0\0"s)), "fields out of order");
  EXPECT_EQ(refusal(message_of("\0\0\3\4\1\1\0\0\0"s)), "bytes left over after the value");
}

TEST(Message, ThatDoesNotSayWhatItsSenderReadsIsRefused) {
  auto bytes = message_of("\0\0\0"s);
  ASSERT_EQ(refusal(bytes), "");
  bytes.erase(bytes.size() - 9, 5);
  EXPECT_EQ(refusal(bytes), "a message that does not say what its sender reads");
}

TEST(Message, IsReadInTheVersionsAndTypesOfTheReceiver) {
  auto m = full;
  m.version = 6;
  m.reads.insert(static_cast<crdt::type>(200));
  const auto bytes = encode(m);
  EXPECT_NE(refusal(bytes), "");
  dialect ours{.speaks = {5, 6}};
  EXPECT_EQ(decode_message(bytes, ours), (wire::decoded<message>{m}));

  ours.reads.erase(crdt::type::set);
  std::erase_if(m.items, [](const item& i) { return i.key.type == crdt::type::set; });
  m.skipped = 1;
  EXPECT_EQ(decode_message(bytes, ours), (wire::decoded<message>{m}));
}

TEST(Message, OfAFragmentOutOfBoundsIsRefused) {
  const auto why = "fragment out of bounds";
  EXPECT_EQ(refusal(encode(with_fragment({1, 3, 0, "abc"}))), "");
  EXPECT_EQ(refusal(encode(with_fragment({1, 3, 0, ""}))), why);
  EXPECT_EQ(refusal(encode(with_fragment({1, 3, 3, ""}))), why);
  EXPECT_EQ(refusal(encode(with_fragment({1, 3, 1, "abc"}))), why);
  EXPECT_EQ(refusal(encode(with_fragment({1, 3, 4, "abc"}))), why);
  EXPECT_EQ(refusal(encode(with_fragment({1, 3, UINT64_MAX - 1, "abc"}))), why);
}

TEST(Message, OfAnAuditOutOfBoundsIsRefused) {
  const auto why = "range out of bounds";
  EXPECT_EQ(refusal(encode(with_audit({16, 65535}))), "");
  EXPECT_EQ(refusal(encode(with_audit({0, 0}))), "");
  EXPECT_EQ(refusal(encode(with_audit({17, 0}))), why);
  EXPECT_EQ(refusal(encode(with_audit({255, 0}))), why);
  EXPECT_EQ(refusal(encode(with_audit({16, 65536}))), why);
  EXPECT_EQ(refusal(encode(with_audit({0, 1}))), why);
}

TEST(Message, OfAnUnknownStepIsRefused) {
  const auto step = [](std::string_view rest) {
    const auto size = static_cast<char>(9 + rest.size());
    return refusal(message_of("\0\0\4"s + size + "\3\6fruits\1"s.append(rest) + '\0'));
  };
  EXPECT_EQ(step("\2\0"s), "");
  EXPECT_EQ(step("\0\0"s), "unknown step of a comparison");
  EXPECT_EQ(step("\4\0"s), "unknown step of a comparison");
}

TEST(Message, OfAStepForWhatHasNoRowsIsRefused) {
  for (const auto type : {crdt::type::counter, crdt::type::register_}) {
    auto m = with_step(std::uint64_t{0});
    m.comparison->key.type = type;
    EXPECT_EQ(refusal(encode(m)), "comparison of what has no rows");
  }
}

TEST(Message, WithBadPartsOfAnotherFormatIsRefused) {
  const auto unknown = "unknown version of the repair format";
  EXPECT_EQ(refusal(message_of("\0\0\2\6\2\0\0\0\0\0\0"s)), unknown);
  EXPECT_EQ(refusal(message_of("\0\0\2\7\1\0\0\0\0\0\0\0"s)), "bytes left over after the value");
  EXPECT_EQ(refusal(message_of("\0\0\4\6\3\0\1\3\1\2\0"s)), unknown);
}

TEST(Message, IsTheSameWhereItsContentIsEncodedApart) {
  for (const auto& m : samples()) {
    if (m.piece)
      continue;
    const auto content = encode_content(m, encode_items(m.items));
    const message head{m.from, m.to, m.sequence, m.acknowledged, m.phase};

    EXPECT_EQ(encode_with(m, content), encode(m));
    EXPECT_EQ(decode_with(head, content), (wire::decoded<message>{m}));
  }
}

TEST(Message, IsTheSameWhenItWasCutAndPutTogether) {
  const auto m = mending_message();
  const auto content = encode_content(m, encode_items(m.items));
  assembly there{content.size()};
  message last;
  for (std::uint64_t offset = 0; offset < content.size(); offset += 10) {
    message piece{m.from, m.to, m.sequence, m.acknowledged, m.phase};
    piece.piece = cut(7, content, offset, 10);
    last = std::get<message>(decode_message(encode(piece)));
    const auto expected =
        offset + 10 < content.size() ? assembly::outcome::kept : assembly::outcome::whole;
    ASSERT_EQ(there.add(last.from, *last.piece), expected);
  }

  EXPECT_EQ(decode_with(last, there.content(m.from)), (wire::decoded<message>{m}));
}

TEST(Message, OfContentThatIsCutOrContinuedIsRefused) {
  const auto m = mending_message();
  const auto content = encode_content(m, encode_items(m.items));

  for (std::size_t size = 0; size < content.size(); ++size)
    EXPECT_TRUE(std::holds_alternative<wire::decode_error>(
        decode_with(with_fragment(), content.substr(0, size))));
  EXPECT_EQ(decode_with(with_fragment(), content + '\0'),
            (wire::decoded<message>{wire::decode_error{"bytes left over after the value"}}));
}

TEST(Messages, OfAnyBytesAreRefusedOrHaveOneEncoding) {
  std::mt19937_64 random{1};
  std::vector<std::string> valid;
  for (const auto& m : samples())
    valid.push_back(encode(m));
  for (const auto& a : {yes, offering, mending})
    valid.push_back(encode_whole(a));
  int decodable = 0;
  for (int trial = 0; trial < 50'000; ++trial) {
    auto bytes = valid[random() % valid.size()];
    for (auto flips = 1 + random() % 3; flips > 0; --flips)
      bytes[random() % bytes.size()] =
          static_cast<char>(random() % 2 == 0 ? random() : random() % 9);

    const auto m = decode_message(bytes);
    if (const auto* good = std::get_if<message>(&m);
        good != nullptr && good->skipped == 0 && good->unknown_fields == 0) {
      ++decodable;
      ASSERT_EQ(encode(*good), bytes);
    }
    const auto a = decode_answer(bytes);
    if (const auto* good = std::get_if<answer>(&a);
        good != nullptr && good->skipped == 0 && good->unknown_fields == 0) {
      ++decodable;
      ASSERT_EQ(encode_whole(*good), bytes);
    }
  }
  EXPECT_GT(decodable, 5000);
}

TEST(Message, OfAnotherVersionIsRefused) {
  auto bytes = encode(full);

  for (const char version : {'\0', '\1', '\2', '\3', '\4', '\xff'}) {
    bytes[0] = version;
    EXPECT_EQ(refusal(bytes), "a version of the protocol that this node does not speak");
  }
}

TEST(Message, OfAnUnknownPhaseIsRefused) {
  auto bytes = encode(message{ann, bob, 1});
  bytes[bytes.size() - 10] = '\3'; // before its fields, its kind, the number of items, no field

  EXPECT_EQ(refusal(bytes), "unknown phase of a round");
}

TEST(Message, WithAValueOfAnotherTypeThanItsKeyIsRefused) {
  const std::vector<encoded_item> items{{{crdt::type::set, "x"}, counter_item().part.encode()}};

  EXPECT_EQ(refusal(encode(message{ann, bob, 1}, items)), "value of another type than its key");
}

/// Items among which are two that only a later version knows.
std::vector<encoded_item> with_unknown_items(const std::vector<item>& known) {
  auto result = encode_items(known);
  const auto later = static_cast<crdt::type>(200);
  result.insert(result.begin(), {{later, "peak"}, "\1\xc8\7"});
  result.push_back({{crdt::type::counter, "newer"}, "\2 who knows"});
  return result;
}

TEST(Message, IsReadButForItemsOfTypesAndFormatsOfLaterVersions) {
  message m{ann, bob, 1, 0, phase::goes_on, {counter_item(), set_item()}};
  m.tallies = {{replica, 7}};
  const auto bytes = encode(m, with_unknown_items(m.items));
  m.skipped = 2;

  EXPECT_EQ(decode_message(bytes), (wire::decoded<message>{m}));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(refusal(bytes.substr(0, size)), "");
}

TEST(Message, OfItemsOfLaterVersionsOnlyIsRead) {
  message m{ann, bob, 1};
  const auto bytes = encode(m, with_unknown_items({}));
  m.skipped = 2;
  EXPECT_EQ(decode_message(bytes), (wire::decoded<message>{m}));
}

TEST(Message, WithAKeyOfNoTypeIsRefused) {
  auto bytes = encode(message{ann, bob, 1, 0, phase::goes_on, {counter_item()}});
  bytes[head("\1").size()] = '\0';
  EXPECT_EQ(refusal(bytes), "unknown type of value");
}

TEST(Message, OfAStepForATypeOfALaterVersionIsRead) {
  auto m = with_step(std::uint64_t{0});
  m.comparison->key.type = static_cast<crdt::type>(200);
  EXPECT_EQ(decode_message(encode(m)), (wire::decoded<message>{m}));
}

TEST(Message, WithRowsOfATypeOfALaterVersionIsReadWithoutThem) {
  auto m = with_step(rows_of_x());
  auto bytes = encode(m);
  bytes[bytes.find("\6fruits") - 1] = static_cast<char>(200);
  m.comparison->key.type = static_cast<crdt::type>(200);
  m.comparison->what = repair_request{};
  m.unknown_fields = 1;
  EXPECT_EQ(decode_message(bytes), (wire::decoded<message>{m}));
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

  EXPECT_EQ(refusal(head("\1") + two.substr(head("\2").size())), "a mark with content");
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
  const auto begin = "\x05"                             // version
                     "\x18\x17\x16\x15\x14\x13\x12\x11" // from
                     "\x08\x07\x06\x05\x04\x03\x02\x01" // to
                     "\xac\x02"                         // sequence
                     "\x01"s;                           // joined
  const auto no_root = std::string(16, '\0');
  const auto reads = "\x08\x03\x01\x02\x03\x00"s;
  EXPECT_EQ(encode(yes), begin + no_root + "\0\0"s + reads); // no offer, no items
  auto items = encode(message{ann, bob, 1, 0, phase::goes_on, offering.items});
  items.pop_back(); // the end of the fields
  EXPECT_EQ(encode_whole(offering),
            begin + no_root + "\7"s + items.substr(head("\2").size() - 1) + reads);
}

TEST(Answer, OfARepairHasTheseBytesForEver) {
  const auto expected = "\x05"                             // version
                        "\x18\x17\x16\x15\x14\x13\x12\x11" // from
                        "\x08\x07\x06\x05\x04\x03\x02\x01" // to
                        "\xac\x02"                         // sequence
                        "\x03"                             // busy
                        "\x02\x00\x00\x00\x00\x00\x00\x00" // the root
                        "\x01\x00\x00\x00\x00\x00\x00\x00" //
                        "\x00\x00"                         // no offer, no items
                        "\x02\x0c"                         // 12 bytes of a walk:
                        "\x01\x00"                         //   version, no root
                        "\x01"                             //   one sum
                        "\x05\x00\x00\x00\x00\x00\x00\x00" //
                        "\x00"                             //   no lists
                        "\x03\x10"                         // two sums of an audit
                        "\x01\x02\x03\x04\x05\x06\x07\x08" //
                        "\x09\x00\x00\x00\x00\x00\x00\x00" //
                        "\x04\x07"                         // rows:
                        "\x00\xac\x02\x04"                 // of 300 bytes, from 4 on,
                        "\x02xy"                           // two
                        "\x08\x03\x01\x02\x03"             // reads counters, registers, sets
                        "\x00"s;

  EXPECT_EQ(encode(mending), expected);
  EXPECT_EQ(decode_answer(expected), (wire::decoded<answer>{mending}));
}

TEST(Answer, MayHoldAnyOfItsParts) {
  for (int parts = 0; parts < 16; ++parts) {
    auto a = (parts & 1) != 0 ? offering : yes;
    a.root = {UINT64_MAX, 7};
    if ((parts & 2) != 0)
      a.walk = mending.walk;
    if ((parts & 4) != 0)
      a.sums = mending.sums;
    if ((parts & 8) != 0)
      a.rows = mending.rows;
    const auto bytes = encode_whole(a);

    EXPECT_EQ(decode_answer(bytes), (wire::decoded<answer>{a}));
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_NE(refusal_of_answer(bytes.substr(0, size)), "") << "cut to " << size << " bytes";
  }
}

TEST(Answer, MayHaveAnyVerdict) {
  for (const auto v : {verdict::joined, verdict::other_session, verdict::busy, verdict::start_over,
                       verdict::refused}) {
    const answer a{bob, ann, 1, v};
    EXPECT_EQ(decode_answer(encode(a)), (wire::decoded<answer>{a}));
  }
}

TEST(Answer, WithAnOfferAndNoItemsOrItemsAndNoOfferIsRefused) {
  const auto why = "an offer without items, or items without an offer";
  EXPECT_EQ(refusal_of_answer(encode(answer{bob, ann, 1, verdict::joined, 7})), why);
  EXPECT_EQ(refusal_of_answer(encode(yes, encode_items({counter_item()}))), why);
}

TEST(Answer, OfItemsOfLaterVersionsOnlyIsAnOffer) {
  answer a{bob, ann, 1, verdict::joined, 7};
  const auto bytes = encode(a, with_unknown_items({}));
  a.skipped = 2;
  EXPECT_EQ(decode_answer(bytes), (wire::decoded<answer>{a}));
}

TEST(Answer, IsRefusedWhereverItIsCut) {
  const auto bytes = encode_whole(offering);

  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(refusal_of_answer(bytes.substr(0, size)), "") << "cut to " << size << " bytes";
}

TEST(Answer, OfAnotherVersionIsRefused) {
  auto bytes = encode(yes);
  bytes[0] = '\1';

  EXPECT_EQ(refusal_of_answer(bytes), "a version of the protocol that this node does not speak");
}

TEST(Answer, WithAnUnknownVerdictIsRefused) {
  auto bytes = encode(yes);

  for (const char verdict : {'\0', '\6', '\xff'}) {
    bytes[19] = verdict;
    EXPECT_EQ(refusal_of_answer(bytes), "unknown verdict");
  }
}

TEST(Answer, IsReadButForFieldsOfLaterVersions) {
  for (auto a : {yes, offering, mending}) {
    const auto bytes = with_unknown_fields(encode_whole(a));
    a.unknown_fields = 2;
    EXPECT_EQ(decode_answer(bytes), (wire::decoded<answer>{a}));
  }
}

TEST(Answer, ThatDoesNotSayWhatItsSenderReadsIsRefused) {
  auto bytes = encode(yes);
  bytes.erase(bytes.size() - 6, 5);
  EXPECT_EQ(refusal_of_answer(bytes), "an answer that does not say what its sender reads");
}

TEST(Message, SaysSinceWhenItsSenderHasLostNothing) {
  message m{ann, bob, 1};
  m.kept_since = {77};
  EXPECT_EQ(std::get<message>(decode_message(encode(m, {}))), m);
  EXPECT_EQ(std::get<message>(decode_with({ann, bob, 1}, encode_content(m, {}))), m);
  m.kept_since = {};
  EXPECT_EQ(std::get<message>(decode_message(encode(m, {}))), m);
  auto a = yes;
  a.kept_since = {77};
  auto bytes = encode(a);
  EXPECT_EQ(std::get<answer>(decode_answer(bytes)), a);
  bytes[bytes.size() - 8 - 6] = 0;
  EXPECT_EQ(refusal_of_answer(bytes), "kept since no session");
}

TEST(Answer, WithBadPartsIsRefused) {
  const auto with = [](char field, std::string_view part) {
    auto bytes = encode(yes);
    const auto reads = bytes.substr(bytes.size() - 6);
    bytes.resize(bytes.size() - 6);
    return refusal_of_answer(bytes + field + std::string{part} + reads);
  };

  EXPECT_EQ(with('\2', "\4\2\0\0\0"s), "unknown version of the repair format");
  EXPECT_EQ(with('\2', "\5\1\0\0\0\0"s), "bytes left over after the value");
  EXPECT_EQ(with('\3', "\0"s), "an audit without sums");
  EXPECT_EQ(with('\3', "\7"s + std::string(7, '\0')), "input ends too early");
  EXPECT_EQ(with('\4', "\4\0\2\0\0"s), "fragment out of bounds");
  EXPECT_EQ(with('\4', "\6\0\2\1\2xy"s), "fragment out of bounds");
  EXPECT_EQ(with('\4', "\6\0\2\0\2xy"s), "");
}

TEST(Answer, WithBytesLeftOverIsRefused) {
  EXPECT_EQ(refusal_of_answer(encode(yes) + '\1'), "bytes left over after the value");
}

std::string with_tallies(const std::vector<tally>& told) {
  message m = full;
  m.tallies = told;
  return encode(m);
}

TEST(GossipMessage, MayBringTallies) {
  message m = full;
  m.tallies = {{replica, 300}, {crdt::replica_id{}, 0}};
  EXPECT_EQ(decode_message(encode(m)), wire::decoded<message>{m});
  answer a = yes;
  a.tallies = m.tallies;
  EXPECT_EQ(decode_answer(encode_whole(a)), wire::decoded<answer>{a});
}

TEST(GossipMessage, BringsSomeTalliesOrSaysNothingOfThem) {
  const std::vector<tally> most(tallies::most, tally{replica, 1});
  EXPECT_TRUE(std::holds_alternative<message>(decode_message(with_tallies(most))));
  auto more = most;
  more.push_back(more.back());
  EXPECT_EQ(std::get<wire::decode_error>(decode_message(with_tallies(more))).what,
            "no tallies, or too many");

  message m{ann, bob, 1};
  m.tallies = {{replica, 1}};
  auto none = encode(m);
  none.resize(none.size() - 1 - 1 - 16 - 1 - 1); // no field, changes, replica, number, length
  none += {'\1', '\0', '\0'};
  EXPECT_EQ(std::get<wire::decode_error>(decode_message(none)).what, "no tallies, or too many");
}

} // namespace
} // namespace starling::replication
