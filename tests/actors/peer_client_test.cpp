#include "actors/peer_client.hpp"
#include "fixture.hpp"

#include <gmock/gmock.h>
#include <list>

namespace starling::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const fake_peers::reply failure = caf::make_error(errc::unreachable);

class PeerClient : public actor_test {
protected:
  using answer_ptr = std::shared_ptr<const outcome<std::string>>;

  /// Starts a pool over that many workers, which answer when the test says so.
  void start(std::size_t count) {
    std::vector<peer_client_actor> handles;
    for (std::size_t i = 0; i < count; ++i)
      handles.push_back(workers.emplace_back(sys).handle());
    pool = track(spawn_peer_client(sys, std::move(handles)));
  }

  answer_ptr post(const std::string& address, const std::string& body = "body") {
    return start_asking<std::string>(pool, post_atom_v, address, std::string{"/path"}, body);
  }

  /// "address body" of each post that a worker has and did not answer.
  std::vector<std::string> under_way() const {
    std::vector<std::string> result;
    for (const auto& worker : workers)
      for (std::size_t i = answered_by(worker); i < worker.posts().size(); ++i)
        result.push_back(worker.posts()[i].address + " " + worker.posts()[i].body);
    return result;
  }

  /// Lets the worker that is busy with that address answer.
  void answer(const std::string& address, const fake_peers::reply& reply) {
    for (auto& worker : workers) {
      const auto index = answered_by(worker);
      if (index < worker.posts().size() && worker.posts()[index].address == address) {
        ++answered[&worker];
        worker.answer(index, reply);
        return settle();
      }
    }
    ADD_FAILURE() << "no worker is busy with " << address;
  }

  void make_fail(const std::string& address) {
    post(address);
    answer(address, failure);
  }

  std::size_t answered_by(const fake_peers& worker) const {
    const auto found = answered.find(&worker);
    return found == answered.end() ? 0 : found->second;
  }

  std::list<fake_peers> workers;
  std::map<const fake_peers*, std::size_t> answered;
  peer_client_actor pool;
};

TEST_F(PeerClient, HandsARequestToAWorkerAndItsAnswerBack) {
  start(1);
  const auto asked = post("a:1", "question");

  ASSERT_EQ(workers.front().posts().size(), 1u);
  EXPECT_EQ(workers.front().posts().front(), (fake_peers::post{"a:1", "/path", "question"}));
  EXPECT_TRUE(asked->is_pending());

  answer("a:1", "answer");
  EXPECT_EQ(asked->value, "answer");
}

TEST_F(PeerClient, HandsErrorsBack) {
  start(1);
  const auto asked = post("a:1");

  answer("a:1", caf::make_error(errc::foreign_peer));

  EXPECT_EQ(asked->error, errc::foreign_peer);
}

TEST_F(PeerClient, BringsEachAnswerToWhoAskedForIt) {
  start(2);
  const auto of_a = post("a:1");
  const auto of_b = post("b:1");

  answer("b:1", "from b");
  EXPECT_TRUE(of_a->is_pending());
  EXPECT_EQ(of_b->value, "from b");

  answer("a:1", "from a");
  EXPECT_EQ(of_a->value, "from a");
}

TEST_F(PeerClient, HasOneRequestUnderWayForEachAddress) {
  start(3);
  post("a:1", "1");
  post("a:1", "2");
  post("b:1", "1");

  EXPECT_THAT(under_way(), UnorderedElementsAre("a:1 1", "b:1 1"));

  answer("a:1", "done");
  EXPECT_THAT(under_way(), UnorderedElementsAre("a:1 2", "b:1 1"));
}

TEST_F(PeerClient, AsksAnAddressThroughTheWorkerThatAskedItLast) {
  start(3);
  for (const auto* address : {"a:1", "b:1", "c:1"}) {
    post(address);
    answer(address, "done");
  }

  for (const auto* address : {"b:1", "c:1", "a:1", "b:1"}) {
    post(address);
    answer(address, "done");
  }

  for (const auto& worker : workers)
    for (const auto& one : worker.posts())
      EXPECT_EQ(one.address, worker.posts().front().address);
}

TEST_F(PeerClient, AsksANewAddressThroughTheWorkerThatIsIdleForLongest) {
  start(2);
  for (const auto* address : {"a:1", "b:1", "a:1", "c:1", "a:1"}) {
    post(address);
    answer(address, "done");
  }

  EXPECT_EQ(workers.front().posts().size(), 3u);
  EXPECT_EQ(workers.back().posts().size(), 2u);
}

TEST_F(PeerClient, KeepsTheOrderOfRequestsThatWait) {
  start(1);
  for (const auto* body : {"1", "2", "3"})
    post("a:1", body);
  post("b:1", "1");

  for (const auto* body : {"1", "2", "3"}) {
    EXPECT_THAT(under_way(), ElementsAre(std::string{"a:1 "} + body));
    answer("a:1", "done");
  }
  EXPECT_THAT(under_way(), ElementsAre("b:1 1"));
}

TEST_F(PeerClient, NeverGivesTheLastWorkerToAFailingAddress) {
  start(3);
  for (const auto* address : {"a:1", "b:1", "c:1"})
    make_fail(address);

  for (const auto* address : {"a:1", "b:1", "c:1"})
    post(address);

  EXPECT_EQ(under_way().size(), 2u);
}

TEST_F(PeerClient, ServesAHealthyPeerWhileFailingOnesStall) {
  start(2);
  make_fail("a:1");
  make_fail("b:1");
  post("a:1");
  post("b:1");
  EXPECT_THAT(under_way(), ElementsAre("a:1 body"));

  for (int i = 0; i < 3; ++i) {
    const auto asked = post("healthy:1");
    answer("healthy:1", "well");
    EXPECT_EQ(asked->value, "well");
  }

  EXPECT_THAT(under_way(), ElementsAre("a:1 body"));
  answer("a:1", failure);
  EXPECT_THAT(under_way(), ElementsAre("b:1 body")) << "it had to wait, but not for ever";
}

TEST_F(PeerClient, TrustsAPeerAgainOnceItAnswered) {
  start(2);
  make_fail("a:1");
  make_fail("b:1");
  post("a:1");
  answer("a:1", "well again");

  post("a:1");
  post("b:1");

  EXPECT_THAT(under_way(), UnorderedElementsAre("a:1 body", "b:1 body"));
}

TEST_F(PeerClient, ServesFailingAddressesWithItsOnlyWorker) {
  start(1);
  make_fail("a:1");

  post("a:1");

  EXPECT_THAT(under_way(), ElementsAre("a:1 body"));
}

TEST_F(PeerClient, BreaksItsPromisesWhenItEnds) {
  start(1);
  const auto started = post("a:1");
  const auto waiting = post("a:1");

  caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
  settle();

  EXPECT_TRUE(started->error);
  EXPECT_TRUE(waiting->error);
}

} // namespace
} // namespace starling::actors
