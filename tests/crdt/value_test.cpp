#include "crdt/value.hpp"
#include "tests/crdt/names.hpp"

#include <gtest/gtest.h>

#include <random>

namespace starling::crdt {
namespace {

using namespace std::string_literals;

/// One value of each type with something of everything in it, and one of each at its bottom.
std::vector<value> samples() {
  pn_counter counter;
  counter.add(a, 5);
  counter.add(b, -300);

  lww_register reg;
  reg.assign(a, 1'700'000'000'000'000, {payload_kind::json, "{\"x\": 1.10}"});

  or_set set;
  set.add(a, text("apple"));
  set.add(b, text("apple"));
  set.add(a, {payload_kind::bytes, "\0\xff"s});
  set.remove(a, text("plum"), {{c, 7}});
  or_set late;
  late.add(c, text("kiwi"));
  set.join(*late.add(c, text("fig")));

  return {counter, reg, set, value{type::counter}, value{type::register_}, value{type::set}};
}

std::string_view value_refusal(std::string_view bytes) {
  const auto result = value::decode(bytes);
  const auto* error = std::get_if<wire::decode_error>(&result);
  return error ? error->what : std::string_view{};
}

TEST(Value, KnowsItsType) {
  EXPECT_EQ(value{pn_counter{}}.type(), type::counter);
  EXPECT_EQ(value{lww_register{}}.type(), type::register_);
  EXPECT_EQ(value{or_set{}}.type(), type::set);
  EXPECT_EQ(to_string(type::counter), "counter");
  EXPECT_EQ(to_string(type::register_), "register");
  EXPECT_EQ(to_string(type::set), "set");
}

TEST(Value, IsEmptyUntilSomethingWasDoneToIt) {
  for (const auto t : {type::counter, type::register_, type::set}) {
    value v{t};
    EXPECT_EQ(v.type(), t);
    EXPECT_TRUE(v.empty());
  }
  EXPECT_FALSE(samples().front().empty());
}

TEST(Value, SurvivesEncodeAndDecode) {
  for (const auto& v : samples())
    EXPECT_EQ(std::get<value>(value::decode(v.encode())), v) << to_string(v.type());
}

TEST(Value, JoinReturnsTheNoveltyAsAValue) {
  for (const auto& v : samples()) {
    value empty{v.type()};
    const auto news = empty.join(v);
    EXPECT_EQ(news.has_value(), !v.empty());
    EXPECT_EQ(empty, v);
    EXPECT_FALSE(empty.join(v));
  }
}

TEST(Value, DecoderRefusesUnknownVersionsAndTypes) {
  for (const auto version : {'\0', '\2', '\xff'}) {
    auto bytes = samples().front().encode();
    bytes[0] = version;
    EXPECT_EQ(value_refusal(bytes), "unknown version of the value format");
  }
  for (const auto t : {'\0', '\xfe', '\xff'}) {
    auto bytes = samples().front().encode();
    bytes[1] = t;
    EXPECT_EQ(value_refusal(bytes), "unknown type of value");
  }
}

TEST(Value, DecoderRefusesEveryTruncation) {
  for (const auto& v : samples()) {
    const auto bytes = v.encode();
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_NE(value_refusal(std::string_view{bytes}.substr(0, size)), "")
          << to_string(v.type()) << ", " << size << " of " << bytes.size() << " bytes";
  }
}

TEST(Value, DecoderRefusesTrailingBytes) {
  for (const auto& v : samples())
    EXPECT_EQ(value_refusal(v.encode() + '\0'), "bytes left over after the value");
}

TEST(Value, DecoderAcceptsOnlyCanonicalBytes) {
  for (const auto& v : samples()) {
    const auto bytes = v.encode();
    for (std::size_t i = 0; i < bytes.size(); ++i)
      for (int byte = 0; byte < 256; ++byte) {
        auto changed = bytes;
        changed[i] = static_cast<char>(byte);
        const auto result = value::decode(changed);
        if (const auto* accepted = std::get_if<value>(&result)) {
          ASSERT_EQ(accepted->encode(), changed)
              << to_string(v.type()) << ", byte " << i << " set to " << byte;
        }
      }
  }
}

TEST(Value, FormatIsTheOneThatWasPublished) {
  pn_counter counter;
  counter.add(replica_id::from(0, 1), 200);
  EXPECT_EQ(value{counter}.encode(), "\1\1\1"s + std::string(15, '\0') + "\1\xc8\1\0"s);

  lww_register reg;
  reg.assign(replica_id::from(0, 1), 5, text("hi"));
  EXPECT_EQ(value{reg}.encode(), "\1\2\1\5"s + std::string(15, '\0') + "\1\2\2hi"s);

  or_set set;
  set.add(replica_id::from(0, 1), text("hi"));
  EXPECT_EQ(value{set}.encode(), "\1\3\1"s + std::string(15, '\0') + "\1\1\1\0\1\2\2hi\1\0\3"s);
}

TEST(Value, CountsWhatItIsJoinedOf) {
  pn_counter counter;
  EXPECT_EQ(value{counter}.elements(), 0u);
  counter.add(a, 5);
  counter.add(a, -2);
  EXPECT_EQ(value{counter}.elements(), 1u);
  counter.add(b, 1);
  EXPECT_EQ(value{counter}.elements(), 2u);

  lww_register reg;
  EXPECT_EQ(value{reg}.elements(), 0u);
  reg.assign(a, 5, text("hi"));
  reg.assign(b, 6, text("ho"));
  EXPECT_EQ(value{reg}.elements(), 1u);

  or_set set;
  EXPECT_EQ(value{set}.elements(), 0u);
  set.add(a, text("apple"));
  set.add(b, text("apple"));
  set.add(a, text("plum"));
  EXPECT_EQ(value{set}.elements(), 3u);
  set.remove(b, text("apple"), set.context(text("apple")));
  EXPECT_EQ(value{set}.elements(), 1u);
  set.remove(b, text("kiwi"), {{c, 7}}); // dead, and beyond what was seen
  EXPECT_EQ(value{set}.elements(), 2u);
}

TEST(Value, CountsTheSameOfItsEncoding) {
  for (const auto& v : samples())
    EXPECT_EQ(value::elements_of(v.encode()), v.elements()) << to_string(v.type());

  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    or_set set;
    pn_counter counter;
    for (int i = 0; i < 300; ++i) {
      const auto self = replica_id::from(random() % 200, 1);
      const auto member = text(std::string(random() % 200, static_cast<char>('a' + random() % 5)));
      version_vector observed;
      if (random() % 3 == 0)
        observed = set.context(member);
      if (random() % 3 == 0)
        observed[replica_id::from(random() % 4, 7)] = random() % 1000 + 1;
      const auto delta =
          random() % 2 == 0 ? set.add(self, member, observed) : set.remove(self, member, observed);
      if (delta) {
        ASSERT_EQ(value::elements_of(value{*delta}.encode()), value{*delta}.elements());
      }
      if (random() % 4 == 0) { // of events beyond a gap
        or_set other;
        other.add(self, text("other"));
        set.join(*other.add(self, member));
      }
      counter.add(self, static_cast<std::int64_t>(random() >> 2) - (std::int64_t{1} << 61));
    }
    EXPECT_GT(value{set}.elements(), 10u);
    EXPECT_EQ(value::elements_of(value{set}.encode()), value{set}.elements());
    EXPECT_EQ(value::elements_of(value{counter}.encode()), value{counter}.elements());
  }
}

TEST(Key, SurvivesEncodeAndDecode) {
  for (const auto t : {type::counter, type::register_, type::set})
    for (const auto& name : {""s, "fruits"s, std::string(key_name_max, 'x')}) {
      wire::writer out;
      encode(out, key{t, name});
      const auto bytes = std::move(out).take();
      wire::reader in{bytes};
      EXPECT_EQ(decode_key(in), (key{t, name}));
      in.expect_end();
      EXPECT_TRUE(in.ok());
    }
}

TEST(Key, DecoderRefusesUnknownTypesAndLongNames) {
  wire::reader unknown{std::string_view{"\xff\0", 2}};
  decode_key(unknown);
  EXPECT_EQ(unknown.error().what, "unknown type of value");

  wire::writer out;
  encode(out, key{type::set, std::string(key_name_max + 1, 'x')});
  const auto bytes = std::move(out).take();
  wire::reader in{bytes};
  decode_key(in);
  EXPECT_EQ(in.error().what, "byte string is too long");
}

TEST(Key, DecoderRefusesNamesThatNoUserCanGive) {
  wire::writer out;
  encode(out, key{type::set, "fr\xfc"});
  const auto bytes = std::move(out).take();
  wire::reader in{bytes};
  decode_key(in);
  EXPECT_EQ(in.error().what, "name of a key that is not UTF-8");
}

} // namespace
} // namespace starling::crdt
