#pragma once

// What can be configured, as plain values with their defaults. Names, units, bounds and meanings
// stand in one table, option_table.hpp.

#include "membership/settings.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace starling::config {

struct node_options {
  std::string name;
  std::string identity_file;
  std::chrono::milliseconds confirm_timeout{2'000};
};

struct http_options {
  std::string listen = "127.0.0.1:8080";
  std::string advertise;
  std::size_t threads = 64;
  std::size_t max_body = 1 << 20;
  std::size_t max_connections = 4096;
  std::chrono::milliseconds request_timeout{5'000};
  std::chrono::milliseconds transfer_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};
};

struct cluster_options {
  std::string name = "starling";
  std::string key;
  std::string key_file;
  std::string listen = "127.0.0.1:9080";
  std::string advertise;
  std::vector<std::string> seeds;
  bool insecure = false;
  std::size_t peer_clients = 4;
  std::chrono::milliseconds peer_timeout{5'000};
  std::size_t threads = 8;
  std::size_t max_connections = 1024;
  std::size_t max_datagrams = 4096;
  std::chrono::milliseconds resolve_interval{30'000};
  std::chrono::milliseconds resolve_retry{1'000};
};

struct gossip_options {
  std::chrono::milliseconds interval{5'000};
  std::size_t fanout = 1;
  std::chrono::milliseconds prompt_delay{10};
  std::size_t max_message = 256 << 10;
  std::size_t max_log = 64 << 20;
  std::size_t max_value = 64 << 20;
  std::chrono::milliseconds leave_timeout{30'000};
  std::chrono::milliseconds stop_timeout{2'000};
};

struct storage_options {
  std::string data_dir = "starling-data";
  bool in_memory = false;
  std::string durability = "sync";
  std::chrono::milliseconds batch_interval{100};
  std::size_t cache = 64 << 20;
  std::size_t write_buffer = 32 << 20;
  std::size_t readers = 2;
  bool new_identity = false;
  bool accept_loss = false;
  std::chrono::milliseconds retry_interval{10'000};
  std::chrono::milliseconds verify_interval{std::chrono::hours{24}};
};

struct keys_options {
  std::size_t shards = 4;
  std::size_t max_awake = 100'000;
  std::size_t max_awake_bytes = 256 << 20;
  std::size_t max_waiting_bytes = 64 << 20;
  std::chrono::milliseconds rest_after{60'000};
};

struct log_options {
  std::string level = "info";
};

/// `parse` returns them complete: a key file is read into `cluster.key`; both `advertise` and
/// `node.name` are filled in. Spawning actors takes these values and no configuration of CAF's.
struct options {
  node_options node;
  http_options http;
  cluster_options cluster;
  membership::settings swim;
  gossip_options gossip;
  storage_options storage;
  keys_options keys;
  log_options log;
};

} // namespace starling::config
