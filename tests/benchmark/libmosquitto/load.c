/* The works, done by libmosquitto, as its documentation has a program with a loop of its own: mosquitto_loop beside the
 * calls. What it lacks: tasks. Called as the others of this workspace: HOST:PORT WORK COUNT. */
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW 100

static const char topic[] = "figures/topic/20byte", echo[] = "echo/topic/of/20byte";
static char payload[16 << 10];
static char host[64];
static int port, connections, subscriptions, acknowledged, received, received_len;

static void check(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
    }
}

static void on_connect(struct mosquitto *m, void *o, int code)
{
    (void)m, (void)o;
    check(code == 0, "connect");
    connections++;
}

static void on_subscribe(struct mosquitto *m, void *o, int id, int n, const int *granted)
{
    (void)m, (void)o, (void)id;
    check(n == 1 && granted[0] < 3, "subscribe");
    subscriptions++;
}

/* At QoS 0 it is called when the message is written, at QoS 1 and 2 when the last acknowledgement has come. */
static void on_publish(struct mosquitto *m, void *o, int id)
{
    (void)m, (void)o, (void)id;
    acknowledged++;
}

static void on_message(struct mosquitto *m, void *o, const struct mosquitto_message *message)
{
    (void)m, (void)o;
    check(message->payloadlen == received_len, "the length of a message");
    received++;
}

static struct mosquitto *client(const char *id)
{
    struct mosquitto *m = mosquitto_new(id, true, NULL);
    check(m != NULL, "mosquitto_new");
    /* Else it waits for delayed acknowledgements, as the others do not. */
    mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_max_inflight_messages_set(m, WINDOW);
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_publish_callback_set(m, on_publish);
    mosquitto_message_callback_set(m, on_message);
    return m;
}

static void loop_until(struct mosquitto *m, const int *counter, int wanted)
{
    while (*counter < wanted)
        check(mosquitto_loop(m, -1, 1) == MOSQ_ERR_SUCCESS, "mosquitto_loop");
}

static void connect_(struct mosquitto *m)
{
    int wanted = connections + 1;
    check(mosquitto_connect(m, host, port, 600) == MOSQ_ERR_SUCCESS, "mosquitto_connect");
    loop_until(m, &connections, wanted);
}

static void end(struct mosquitto *m)
{
    check(mosquitto_disconnect(m) == MOSQ_ERR_SUCCESS, "mosquitto_disconnect");
    while (mosquitto_loop(m, -1, 1) == MOSQ_ERR_SUCCESS) {}
}

/* At QoS 1 and 2 the window is kept full. */
static void publish(struct mosquitto *m, int qos, int count, int len)
{
    for (int sent = 0; sent < count; sent++) {
        if (qos != 0)
            loop_until(m, &acknowledged, sent - WINDOW + 1);
        int done = mosquitto_publish(m, NULL, topic, len, payload, qos, false);
        check(done == MOSQ_ERR_SUCCESS, "mosquitto_publish");
    }
    loop_until(m, &acknowledged, count);
}

static void receive(struct mosquitto *m, int qos, int count, int len)
{
    char filter[64];
    snprintf(filter, sizeof filter, "send/%d/%d", count, len);
    received_len = len;
    check(mosquitto_subscribe(m, NULL, filter, qos) == MOSQ_ERR_SUCCESS, "mosquitto_subscribe");
    loop_until(m, &received, count);
}

static void round_trip(struct mosquitto *m, int count)
{
    received_len = 64;
    check(mosquitto_subscribe(m, NULL, echo, 0) == MOSQ_ERR_SUCCESS, "mosquitto_subscribe");
    loop_until(m, &subscriptions, 1);
    for (int sent = 0; sent < count; sent++) {
        int done = mosquitto_publish(m, NULL, echo, 64, payload, 0, false);
        check(done == MOSQ_ERR_SUCCESS, "mosquitto_publish");
        loop_until(m, &received, sent + 1);
    }
}

int main(int argc, char **argv)
{
    check(argc == 4 && sscanf(argv[1], "%63[^:]:%d", host, &port) == 2, "HOST:PORT WORK COUNT");
    const char *work = argv[2];
    int count = atoi(argv[3]);
    memset(payload, 'x', sizeof payload);
    mosquitto_lib_init();
    if (strcmp(work, "idle") == 0) {
        for (int n = 0; n < count; n++) {
            char id[32];
            snprintf(id, sizeof id, "idle-%d", n);
            connect_(client(id));
        }
        _exit(0); /* What is live now is what the idle clients hold. */
    }
    struct mosquitto *m = client("acks/100/order");
    if (strcmp(work, "connect") == 0) {
        for (int n = 0; n < count; n++) {
            connect_(m);
            end(m);
        }
        return 0;
    }
    connect_(m);
    if (strcmp(work, "publish-16k") == 0)
        publish(m, 0, count, 16 << 10);
    else if (strncmp(work, "publish-", 8) == 0 && strlen(work) == 9)
        publish(m, work[8] - '0', count, 64);
    else if (strcmp(work, "receive-16k") == 0)
        receive(m, 0, count, 16 << 10);
    else if (strncmp(work, "receive-", 8) == 0 && strlen(work) == 9)
        receive(m, work[8] - '0', count, 64);
    else if (strcmp(work, "round-trip") == 0)
        round_trip(m, count);
    else
        check(0, "to know this work");
    end(m);
    return 0;
}
