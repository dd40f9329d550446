// What is done to a large value on its way to a peer, for each type that has rows.

#include "replication/row_exchange.hpp"
#include "replication/value_parts.hpp"
#include "tests/crdt/subjects.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace starling::replication {
namespace {

const digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};
const session_id ann{1};
const session_id bob{2};

template <class Subject>
class AnyRows : public testing::Test {
protected:
  using type = typename Subject::type;

  /// A few replicas that were changed and have heard some of each other.
  explicit AnyRows() : replicas(3, crdt::value{type::id}) {}

  void change(int steps) {
    for (int i = 0; i < steps; ++i) {
      const auto at = random_() % replicas.size();
      if (random_() % 3 == 0)
        replicas[at].join(replicas[random_() % replicas.size()]);
      else
        crdt::apply(replicas[at], crdt::command_for(replicas[at], static_cast<unsigned>(random_())),
                    crdt::replica_id::from(at + 1, 1), 1000);
    }
  }

  crdt::value whole() const {
    auto result = replicas[0];
    result.join(replicas[1]);
    return result;
  }

  /// What comes of the exchange: the state of each side as the other knows it.
  static std::pair<crdt::value, crdt::value> exchange(const crdt::value& a, const crdt::value& b) {
    const crdt::key key{type::id, "key"};
    row_asking asking{7, key, {digests, key, a}, 8192, SIZE_MAX};
    row_answering answering{ann, 7, key, {digests, key, b}};
    std::pair<crdt::value, crdt::value> result{crdt::value{type::id}, crdt::value{type::id}};
    while (const auto step = asking.next()) {
      message m{ann, bob, 1};
      m.comparison = step;
      const auto sent = decode_message(encode(m, {}));
      const auto& there = *std::get<message>(sent).comparison;
      answer reply{bob, ann, 1};
      if (const auto* rows = std::get_if<snapshot_rows>(&there.what))
        result.first = answering.theirs(*rows).value();
      else
        answering.answer_to(there, 8192, 8192, reply);
      if (!asking.answered(std::get<answer>(decode_answer(encode(reply)))))
        throw std::runtime_error{"the exchange does not go on"};
      if (auto theirs = asking.theirs())
        result.second = *std::move(theirs);
    }
    return result;
  }

  std::vector<crdt::value> replicas;

private:
  std::mt19937_64 random_{1};
};

TYPED_TEST_SUITE(AnyRows, crdt::subjects_with_rows, crdt::names_of_types);

TYPED_TEST(AnyRows, AreTheWholeInPartsOfAnySizeInAnyOrder) {
  for (int round = 0; round < 50; ++round) {
    this->change(8);
    const auto whole = this->whole();
    for (const std::size_t bytes_max : {1, 60, 200, 100'000}) {
      auto parts = parts_of(whole, bytes_max);
      std::ranges::reverse(parts);
      auto from_nothing = crdt::value{whole.type()};
      auto from_another = this->replicas[2];
      for (const auto& part : parts) {
        const auto decoded = std::get<crdt::value>(crdt::value::decode(part));
        EXPECT_EQ(decoded.encode(), part);
        from_nothing.join(decoded);
        from_another.join(decoded);
      }
      auto expected = this->replicas[2];
      expected.join(whole);
      ASSERT_EQ(from_nothing, whole);
      ASSERT_EQ(from_another, expected);
      EXPECT_TRUE(bytes_max < 100'000 || parts.size() == 1);
    }
  }
}

TYPED_TEST(AnyRows, BecomeKnownToTheOtherSideOfAnExchange) {
  for (int round = 0; round < 50; ++round) {
    this->change(5);
    const auto& a = this->replicas[0];
    const auto& b = this->replicas[1];
    const auto [asking, answering] = this->exchange(a, b);
    ASSERT_EQ(asking, a);
    ASSERT_EQ(answering, b);
  }
}

TYPED_TEST(AnyRows, HaveDigestsThatFollowWhatIsTouched) {
  const crdt::key key{TypeParam::type::id, "key"};
  for (int round = 0; round < 100; ++round) {
    this->change(3);
    auto here = this->replicas[0];
    const auto& message = this->replicas[1];
    const auto rows = rows_changed_by(here, message);
    auto sum = digests.digest_of(key, here) - digests.digest_of(key, here, rows);
    here.join(message);
    sum += digests.digest_of(key, here, rows);
    ASSERT_EQ(sum, digests.digest_of(key, here));
  }
}

} // namespace
} // namespace starling::replication
