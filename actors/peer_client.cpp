#include "actors/peer_client.hpp"

#include "actors/end_on_error.hpp"
#include "system/peer_http.hpp"
#include "system/random.hpp"
#include "wire/envelope.hpp"

#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <list>
#include <set>

namespace starling::actors {

namespace {

class worker_impl : public peer_client_actor::base {
public:
  worker_impl(caf::actor_config& cfg, const peer_client_context& context)
      : peer_client_actor::base(cfg), context_(context) {
    end_process_on_error(this);
  }

  const char* name() const override { return "peer-worker"; }

  behavior_type make_behavior() override {
    return {[this](post_atom, const std::string& address, const std::string& path,
                   const std::string& body) -> caf::result<std::string> {
      return exchange(context_, address, path, body, &kept_);
    }};
  }

private:
  peer_client_context context_;
  system::kept_connection kept_;
};

class pool_impl : public peer_client_actor::base {
public:
  pool_impl(caf::actor_config& cfg, std::vector<peer_client_actor> workers)
      : peer_client_actor::base(cfg), size_(workers.size()) {
    end_process_on_error(this);
    for (auto& worker : workers)
      idle_.push_back({std::move(worker), {}});
  }

  const char* name() const override { return "peer-client"; }

  void on_exit() override {
    idle_.clear();
    waiting_.clear();
  }

  behavior_type make_behavior() override {
    return {[this](post_atom, std::string& address, std::string& path,
                   std::string& body) -> caf::result<std::string> {
      auto promise = make_response_promise<std::string>();
      waiting_.push_back({std::move(address), std::move(path), std::move(body), promise});
      start_waiting();
      return promise;
    }};
  }

private:
  struct job {
    std::string address;
    std::string path;
    std::string body;
    caf::typed_response_promise<std::string> promise;
  };

  void start_waiting() {
    for (auto it = waiting_.begin(); it != waiting_.end() && !idle_.empty();) {
      if (may_start(it->address)) {
        start(std::move(*it));
        it = waiting_.erase(it);
      } else {
        ++it;
      }
    }
  }

  bool may_start(const std::string& address) const {
    if (busy_.contains(address))
      return false;
    return !failing_.contains(address) || size_ == 1 || doubtful_ + 1 < size_;
  }

  void start(job j) {
    const auto worker = take_worker(j.address);
    busy_.insert(j.address);
    const bool doubtful = failing_.contains(j.address);
    doubtful_ += doubtful ? 1 : 0;
    request(worker, caf::infinite, post_atom_v, j.address, std::move(j.path), std::move(j.body))
        .then(
            [this, worker, doubtful, address = j.address,
             promise = j.promise](std::string& answer) mutable {
              failing_.erase(address);
              done(worker, address, doubtful);
              promise.deliver(std::move(answer));
            },
            [this, worker, doubtful, address = j.address,
             promise = j.promise](caf::error& why) mutable {
              failing_.insert(address);
              done(worker, address, doubtful);
              promise.deliver(std::move(why));
            });
  }

  /// The worker that has a connection to this address, else the one that is idle for longest.
  peer_client_actor take_worker(const std::string& address) {
    auto chosen = std::ranges::find(idle_, address, &idle_worker::last);
    if (chosen == idle_.end())
      chosen = idle_.begin();
    auto result = std::move(chosen->worker);
    idle_.erase(chosen);
    return result;
  }

  void done(const peer_client_actor& worker, const std::string& address, bool doubtful) {
    idle_.push_back({worker, address});
    busy_.erase(address);
    doubtful_ -= doubtful ? 1 : 0;
    start_waiting();
  }

  struct idle_worker {
    peer_client_actor worker;
    std::string last; // the address that it asked
  };

  std::size_t size_;
  std::vector<idle_worker> idle_; // the one that is idle for longest first
  std::list<job> waiting_;
  std::set<std::string> busy_;
  std::set<std::string> failing_; // addresses of members and seeds, so bounded like those
  std::size_t doubtful_ = 0;      // workers busy with a failing address
};

} // namespace

caf::expected<std::string> exchange(const peer_client_context& context, const std::string& address,
                                    const std::string& path, const std::string& body,
                                    system::kept_connection* kept) {
  const auto to = membership::parse_endpoint(address);
  if (!to)
    return caf::make_error(errc::unreachable, "not an address");
  const auto sealed = wire::seal_request(context.secret, path,
                                         {system::random_bits(), system::random_bits()}, body);
  auto outcome =
      post(*to, path, sealed, context.timeout, context.answer_bytes_max, context.stop, kept);
  if (!outcome)
    return caf::make_error(errc::unreachable, outcome.error().why);
  const auto& answer = *outcome;
  if (answer.status == 403)
    return caf::make_error(errc::foreign_peer, "it refuses us: cluster.name or cluster.key differ");
  if (answer.status == 400)
    return caf::make_error(errc::foreign_peer,
                           "it does not understand this node: do both run the same version?");
  if (answer.status == 503)
    return caf::make_error(errc::unreachable, "it is not ready");
  if (answer.status != 200)
    return caf::make_error(errc::bad_message, "it answers with HTTP status " +
                                                  std::to_string(answer.status) +
                                                  ", as no peer of ours does");
  const auto opened = wire::open_answer(context.secret, sealed, answer.body);
  if (!opened)
    return caf::make_error(errc::foreign_peer, std::string{to_string(opened.error())});
  return std::string{*opened};
}

peer_client_actor spawn_peer_client(caf::actor_system& sys, const peer_client_context& context) {
  std::vector<peer_client_actor> workers;
  for (std::size_t i = 0; i < context.workers; ++i)
    workers.push_back(sys.spawn<worker_impl, caf::detached>(context));
  return spawn_peer_client(sys, std::move(workers));
}

peer_client_actor spawn_peer_client(caf::actor_system& sys,
                                    std::vector<peer_client_actor> workers) {
  return sys.spawn<pool_impl>(std::move(workers));
}

} // namespace starling::actors
