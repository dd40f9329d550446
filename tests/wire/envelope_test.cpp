#include "wire/envelope.hpp"
#include "wire/result.hpp"

#include <gtest/gtest.h>

namespace starling::wire {

namespace {

const secret ours{"starling", "key"};
const nonce unique{1, 2};

template <class T>
envelope_error error_of(const result<T, envelope_error>& result) {
  return std::get<envelope_error>(result);
}

} // namespace

TEST(Envelope, GivesBackWhatWasSealed) {
  for (const auto content : {std::string_view{}, std::string_view{"a message"}}) {
    const auto sealed = seal_request(ours, "/gossip", unique, content);
    EXPECT_EQ(sealed.size(), content.size() + envelope_size);
    const auto opened = open_request(ours, "/gossip", sealed);
    ASSERT_TRUE(std::holds_alternative<opened_request>(opened));
    EXPECT_EQ(std::get<opened_request>(opened).content, content);
  }
}

TEST(Envelope, RefusesARequestForAnotherPath) {
  const auto sealed = seal_request(ours, "/gossip", unique, "x");
  EXPECT_EQ(error_of(open_request(ours, "/join", sealed)), envelope_error::not_authentic);
}

TEST(Envelope, RefusesAnotherClustersRequests) {
  const auto sealed = seal_request(ours, "/gossip", unique, "x");
  for (const auto& other :
       {secret{"starling", "other key"}, secret{"other", "key"}, secret{"starling", ""}})
    EXPECT_EQ(error_of(open_request(other, "/gossip", sealed)), envelope_error::foreign_cluster);
}

TEST(Envelope, RefusesARequestWithAnyBitFlipped) {
  const auto sealed = seal_request(ours, "/gossip", unique, "content");
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    auto bad = sealed;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(std::holds_alternative<envelope_error>(open_request(ours, "/gossip", bad))) << bit;
  }
}

TEST(Envelope, RefusesARequestCutAnywhere) {
  const auto sealed = seal_request(ours, "/gossip", unique, "content");
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_TRUE(std::holds_alternative<envelope_error>(
        open_request(ours, "/gossip", std::string_view{sealed}.substr(0, size))))
        << size;
}

TEST(Envelope, FitsAnAnswerToItsRequestAlone) {
  const auto request = seal_request(ours, "/gossip", unique, "x");
  const auto other_request = seal_request(ours, "/gossip", {1, 3}, "x");
  const auto opened = std::get<opened_request>(open_request(ours, "/gossip", request));
  const auto sealed = seal_answer(ours, opened.tag, "answer");

  EXPECT_EQ(std::get<std::string_view>(open_answer(ours, request, sealed)), "answer");
  EXPECT_EQ(error_of(open_answer(ours, other_request, sealed)), envelope_error::not_authentic);
}

TEST(Envelope, RefusesAnAnswerThatWasAlteredOrCut) {
  const auto request = seal_request(ours, "/gossip", unique, "x");
  const auto opened = std::get<opened_request>(open_request(ours, "/gossip", request));
  const auto sealed = seal_answer(ours, opened.tag, "answer");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto bad = sealed;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_TRUE(std::holds_alternative<envelope_error>(open_answer(ours, request, bad))) << i;
    EXPECT_TRUE(std::holds_alternative<envelope_error>(
        open_answer(ours, request, std::string_view{sealed}.substr(0, i))))
        << i;
  }
}

} // namespace starling::wire
