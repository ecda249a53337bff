/* hub_identity: with what the hub shows itself and looks at its peers. */
#include <string.h>

#include "platform/base/status.h"
#include "platform/coap/hub_internal.h"

static const coap_bin_const_t *find_key(coap_bin_const_t *identity, coap_session_t *coap, void *arg)
{
    struct hub *hub = arg;
    (void)coap;
    if (identity->length == 0) {
        return NULL; /* it would look like X.509 */
    }
    size_t len = hub->options.psk(hub->options.ctx, slice_make((const char *)identity->s, identity->length), hub->key);
    hub->key_handed = (coap_bin_const_t){len, hub->key};
    return len > 0 && len <= HUB_KEY_MAX ? &hub->key_handed : NULL;
}

/* An expired certificate passes the handshake, because its owner may renew it; opened() judges that and all else.
 * libcoap keeps the texts by reference. */
static int set_certificates(struct hub *hub)
{
    coap_dtls_pki_t pki = {.version = COAP_DTLS_PKI_SETUP_VERSION,
                           .verify_peer_cert = 1,
                           .allow_expired_certs = 1,
                           .pki_key = {.key_type = COAP_PKI_KEY_PEM_BUF}};
    coap_pki_key_pem_buf_t *pem = &pki.pki_key.key.pem_buf;
    pem->ca_cert = hub->ca.text.data;
    pem->ca_cert_len = hub->ca.text.len;
    pem->public_cert = pem->private_key = hub->identity.text.data;
    pem->public_cert_len = pem->private_key_len = hub->identity.text.len;
    return coap_context_set_pki(hub->context, &pki) != 0 ? 0 : STATUS_UNSUPPORTED;
}

int hub_identity_init(struct hub *hub)
{
    int status = pem_init(&hub->identity, hub->options.identity_path, true);
    if (status == 0) {
        status = pem_init(&hub->ca, hub->options.ca_path, false);
    }
    if (status == 0) {
        status = set_certificates(hub);
    }
    if (status == 0 && hub->options.psk) {
        coap_dtls_spsk_t psk = {
            .version = COAP_DTLS_SPSK_SETUP_VERSION, .validate_id_call_back = find_key, .id_call_back_arg = hub};
        status = coap_context_set_psk2(hub->context, &psk) != 0 ? 0 : STATUS_UNSUPPORTED;
    }
    return status;
}

void hub_identity_deinit(struct hub *hub)
{
    pem_deinit(&hub->identity);
    pem_deinit(&hub->ca);
    explicit_bzero(hub->key, sizeof hub->key);
}

void hub_identity_refresh(struct hub *hub)
{
    bool changed = pem_refresh(&hub->identity);
    if (pem_refresh(&hub->ca) || changed) {
        (void)set_certificates(hub); /* fails never but for another version of libcoap */
    }
}
