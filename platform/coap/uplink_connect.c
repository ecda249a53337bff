/* uplink_connect: with what an uplink connects, and the beginning of it. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/coap/pem.h"
#include "platform/coap/uplink_internal.h"

int uplink_check_options(const struct uplink_options *options)
{
    bool pki = options->identity_path && options->ca_path;
    bool psk =
        !options->identity_path && !options->ca_path && options->psk_identity.len > 0 && options->psk_key.len > 0;
    if (!pki && !psk) {
        return STATUS_INVALID;
    }
    struct pem identity = {0};
    struct pem ca = {0};
    int status = pki ? pem_init(&identity, options->identity_path, true) : 0;
    if (status == 0 && pki) {
        status = pem_init(&ca, options->ca_path, false);
    }
    pem_deinit(&identity);
    pem_deinit(&ca);
    return status;
}

static char *copy_text(const char *text, bool *failed)
{
    char *copy = text ? strdup(text) : NULL;
    *failed = *failed || (text && !copy);
    return copy;
}

static struct slice copy_slice(struct slice bytes, bool *failed)
{
    char *copy = bytes.len > 0 ? malloc(bytes.len) : NULL;
    if (!copy) {
        *failed = *failed || bytes.len > 0;
        return slice_str("");
    }
    memcpy(copy, bytes.data, bytes.len);
    return slice_make(copy, bytes.len);
}

int uplink_copy_options(struct uplink *uplink, const struct uplink_options *options)
{
    bool failed = false;
    uplink->options = *options;
    uplink->options.address = NULL;
    uplink->options.host = copy_text(options->host, &failed);
    uplink->options.identity_path = copy_text(options->identity_path, &failed);
    uplink->options.ca_path = copy_text(options->ca_path, &failed);
    uplink->options.psk_identity = copy_slice(options->psk_identity, &failed);
    uplink->options.psk_key = copy_slice(options->psk_key, &failed);
    return failed ? STATUS_NO_MEMORY : 0;
}

void uplink_free_options(struct uplink *uplink)
{
    if (uplink->options.psk_key.len > 0) {
        explicit_bzero((char *)uplink->options.psk_key.data, uplink->options.psk_key.len);
        free((char *)uplink->options.psk_key.data);
    }
    if (uplink->options.psk_identity.len > 0) {
        free((char *)uplink->options.psk_identity.data);
    }
    free((char *)uplink->options.host);
    free((char *)uplink->options.identity_path);
    free((char *)uplink->options.ca_path);
}

static bool is_name(const char *host)
{
    uint8_t address[16];
    return host && *host && inet_pton(AF_INET, host, address) != 1 && inet_pton(AF_INET6, host, address) != 1;
}

static coap_session_t *connect_pki(const struct uplink *uplink, const coap_address_t *address, const char *sni)
{
    coap_dtls_pki_t pki = {.version = COAP_DTLS_PKI_SETUP_VERSION,
                           .verify_peer_cert = 1,
                           .allow_expired_certs = 1, /* judge() tells it from a foreign certificate */
                           .client_sni = (char *)sni,
                           .pki_key = {.key_type = COAP_PKI_KEY_PEM}};
    pki.pki_key.key.pem.ca_file = uplink->options.ca_path;
    pki.pki_key.key.pem.public_cert = uplink->options.identity_path;
    pki.pki_key.key.pem.private_key = uplink->options.identity_path;
    return coap_new_client_session_pki(uplink->context, NULL, address, COAP_PROTO_TLS, &pki);
}

static coap_session_t *connect_psk(const struct uplink *uplink, const coap_address_t *address, const char *sni)
{
    struct slice identity = uplink->options.psk_identity;
    struct slice key = uplink->options.psk_key;
    coap_dtls_cpsk_t psk = {.version = COAP_DTLS_CPSK_SETUP_VERSION,
                            .client_sni = (char *)sni,
                            .psk_info = {.identity = {identity.len, (const uint8_t *)identity.data},
                                         .key = {key.len, (const uint8_t *)key.data}}};
    return coap_new_client_session_psk2(uplink->context, NULL, address, COAP_PROTO_TLS, &psk);
}

void uplink_begin(struct uplink *uplink, const coap_address_t *address)
{
    const char *sni = is_name(uplink->options.host) ? uplink->options.host : NULL;
    library_forget();
    uplink->stream.session =
        uplink->options.identity_path ? connect_pki(uplink, address, sni) : connect_psk(uplink, address, sni);
    if (uplink->stream.session) {
        coap_session_set_app_data(uplink->stream.session, &uplink->stream);
        pump_hasten(&uplink->pump);
    } else {
        uplink_end_lost(uplink);
    }
    uplink_ring(uplink);
}
